package enginetest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Account declares a user and a group of the same name and number, as the plan of a case may need
// one that the machine does not have yet.
func Account(name string, id int) engine.Declared {
	return engine.Declared{
		Addr: engine.Addr("account." + name), Kind: engine.NewKind("account", account{}),
		Spec: &accountSpec{Name: name, ID: id},
	}
}

type accountSpec struct {
	Name string `hcl:"name"`
	ID   int    `hcl:"id,optional"`
}

// Claims are the user and the group.
func (s *accountSpec) Claims() []engine.Claim {
	return []engine.Claim{engine.UserClaim(s.Name), engine.GroupClaim(s.Name)}
}

func (s *accountSpec) lines() map[string]string {
	return map[string]string{
		"/etc/passwd": fmt.Sprintf("%s:x:%d:%d::/:/bin/false\n", s.Name, s.ID, s.ID),
		"/etc/group":  fmt.Sprintf("%s:x:%d:\n", s.Name, s.ID),
	}
}

type account struct{}

func (account) Read(_ context.Context, v host.View, spec *accountSpec) (*accountSpec, error) {
	found := 0
	for file := range spec.lines() {
		b, err := v.Files.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if strings.Contains("\n"+string(b), "\n"+spec.Name+":") {
			found++
		}
	}
	switch found {
	case 0:
		return nil, nil
	case 1:
		return &accountSpec{Name: spec.Name}, nil // half made
	}
	return &accountSpec{Name: spec.Name, ID: spec.ID}, nil
}

func (account) Apply(_ context.Context, h *host.Host, have, want *accountSpec) error {
	spec := want
	if want == nil {
		spec = have
	}
	for file, line := range spec.lines() {
		b, err := h.Files.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		var kept strings.Builder
		for l := range strings.Lines(string(b)) {
			if !strings.HasPrefix(l, spec.Name+":") {
				kept.WriteString(l)
			}
		}
		if want != nil {
			kept.WriteString(line)
		}
		attr := host.Attr{Mode: 0o644, UID: -1, GID: -1}
		if err := h.Files.Write(file, []byte(kept.String()), attr); err != nil {
			return fmt.Errorf("cannot write account %s: %w", spec.Name, err)
		}
	}
	return nil
}
