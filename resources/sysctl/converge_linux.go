package sysctl

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// Kind returns the kind sysctl.
func Kind() *engine.Kind { return engine.NewKind("sysctl", resource{}, engine.Passive()) }

type resource struct{}

// Read reports the parameter as it is: nil where neither the kernel nor a file has it, and for one
// that is to be absent where no file has it.
func (resource) Read(_ context.Context, v host.View, spec *Spec) (*Spec, error) {
	have := &Spec{Name: spec.Name, Found: true, Optional: spec.Optional}
	if err := have.readFile(v); err != nil {
		return nil, err
	}
	if !v.Offline {
		if err := have.readRuntime(v); err != nil {
			return nil, err
		}
	}
	if have.Raw == nil && (spec.Gone || have.Runtime == nil && !spec.idle(v)) {
		return nil, nil
	}
	have.told()
	if !spec.Found && spec.persists() {
		var err error
		if have.winner, err = spec.overruled(v, readsMain(v)); err != nil {
			return nil, fmt.Errorf("cannot tell what sets %s at boot: %w", spec.Name, err)
		}
	}
	return have, nil
}

// idle says that neither state is wanted, or can be had, so that there is nothing to make: a parameter
// that is set for now only, in an image or where the kernel may be without it.
func (s *Spec) idle(v host.View) bool {
	return !s.persists() && (v.Offline || s.Optional || s.Found)
}

// maxSize is the largest file that is taken for one of a parameter.
const maxSize = 1 << 20

func (s *Spec) readFile(v host.View) error {
	at, b, err := place.FindWhole(v, s.file(), "file of a parameter", s.attributes(), maxSize)
	if at == nil {
		return err
	}
	if at.Info.Size > maxSize {
		return &engine.OccupiedError{Detail: fmt.Sprintf(
			"%s is %d KiB large, which no file of a parameter is: remove it by hand", s.file(), at.Info.Size>>10)}
	}
	s.Raw, s.Owner, s.Group, s.Mode, s.Xattrs, s.info = engine.NewText(string(b)), at.Owner, at.Group, at.Mode, at.Xattrs, at.Info
	return nil
}

func (s *Spec) readRuntime(v host.View) error {
	b, err := v.Files.ReadFile(procFile(s.Name))
	switch {
	case place.Missing(err):
		return nil
	case errors.Is(err, syscall.EISDIR):
		return fmt.Errorf("%s is a group of parameters: name one of them", s.Name)
	case err != nil:
		return place.Unreadable(err)
	}
	value := strings.TrimSuffix(string(b), "\n")
	s.Runtime = &value
	return nil
}

// told says in the words of a plan what was found.
func (s *Spec) told() {
	persist := s.Raw != nil
	s.Persist = &persist
	if s.Value = s.persisted(); s.Runtime != nil {
		s.Value = *s.Runtime
	}
}

// absentState is how a state that is not there is shown.
const absentState = "(absent)"

// Diff compares both states.
func (resource) Diff(have, want *Spec) []engine.FieldDiff {
	var out []engine.FieldDiff
	if value := want.runtime(); value != nil && have.Runtime != nil && !same(*have.Runtime, *value) {
		out = append(out, engine.FieldDiff{Name: "runtime", Have: normal(*have.Runtime), Want: normal(*value)})
	}
	out = append(out, diffFile(have, want)...)
	if w := have.winner; w != nil && !want.Found {
		out = append(out, engine.FieldDiff{Name: "at boot", Have: w.String(), Want: want.Value})
	}
	return out
}

func diffFile(have, want *Spec) []engine.FieldDiff {
	h, w := state(have), state(want)
	switch {
	case have.Raw == nil && !want.persists():
		return nil
	case have.Raw == nil || !want.persists():
		return []engine.FieldDiff{{Name: "persisted", Have: h, Want: w}}
	case have.bytes() != want.bytes() && h == w:
		return []engine.FieldDiff{{Name: "persisted", Have: h + ", written in another way", Want: w}}
	case have.bytes() != want.bytes():
		return []engine.FieldDiff{{Name: "persisted", Have: h, Want: w}}
	}
	var out []engine.FieldDiff
	a, b := have.attributes(), want.attributes()
	for _, f := range [][3]string{{"owner", a.Owner, b.Owner}, {"group", a.Group, b.Group}, {"mode", a.Mode, b.Mode}} {
		if f[1] != f[2] {
			out = append(out, engine.FieldDiff{Name: f[0], Have: f[1], Want: f[2]})
		}
	}
	return out
}

// state is what the file says, in words.
func state(s *Spec) string {
	if !s.persists() {
		return absentState
	}
	if value := s.persisted(); value != "" {
		return normal(value)
	}
	return "(nothing)"
}

// String says where a value comes from.
func (a assignment) String() string {
	if a.exclude {
		return fmt.Sprintf("none (%s:%d)", a.file, a.line)
	}
	return fmt.Sprintf("%s (%s:%d)", normal(a.value), a.file, a.line)
}

// Apply sets the parameter before it writes the file, so that no value which the kernel refuses waits
// for the next boot.
func (resource) Apply(_ context.Context, h *host.Host, have, want *Spec) error {
	if want == nil {
		return h.Files.Remove(have.file())
	}
	if err := setRuntime(h, have, want); err != nil {
		return err
	}
	if !want.persists() {
		return h.Files.Remove(want.file())
	}
	found := have.found()
	if found != nil && have.bytes() == want.bytes() {
		return dress(h, found, want)
	}
	attr, err := attr(h, found, want)
	if err != nil {
		return err
	}
	return h.Files.Write(want.file(), []byte(want.bytes()), attr)
}

// Batch reports whether nothing but the file is to be written.
func (resource) Batch(have, want *Spec) bool {
	value := want.runtime()
	live := value != nil && have != nil && have.Runtime != nil && !same(*have.Runtime, *value)
	return !live && want.persists() && (have.found() == nil || have.bytes() != want.bytes())
}

func setRuntime(h *host.Host, have, want *Spec) error {
	value := want.runtime()
	if value == nil || have == nil || have.Runtime == nil || same(*have.Runtime, *value) {
		return nil
	}
	return h.Files.Set(procFile(want.Name), []byte(*value+"\n"))
}

func dress(h *host.Host, found *host.Info, want *Spec) error {
	a, err := attr(h, found, want)
	if err != nil {
		return err
	}
	return h.Files.SetAttr(want.file(), a)
}

// attr is what the file is made with, extended attributes included where an undo wants it back.
func attr(h *host.Host, found *host.Info, want *Spec) (host.Attr, error) {
	if want.Found {
		return place.Exact(h.View(), want.attributes(), want.Xattrs, found, 0)
	}
	return want.attributes().Attr(h.View(), found, 0)
}

// found is the file as found, nil where there was none.
func (s *Spec) found() *host.Info {
	if s == nil || s.Raw == nil {
		return nil
	}
	return &s.info
}
