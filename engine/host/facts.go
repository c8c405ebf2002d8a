package host

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
)

// Facts are what is known of a host before anything is read for a plan.
type Facts struct {
	// OS and Arch are named as Go names them: linux, windows; amd64, arm64.
	OS   string `json:"os"`
	Arch string `json:"arch"`
	// Kernel is its release.
	Kernel   string `json:"kernel"`
	Hostname string `json:"hostname"`
	Distro   Distro `json:"distro"`
	// Init is "systemd" or empty.
	Init string `json:"init"`
	// Virtualization is "none", or what systemd-detect-virt(1) would say.
	Virtualization string `json:"virtualization"`
	// SELinux is "enforcing", "permissive" or "disabled".
	SELinux string `json:"selinux"`
	// Firewall is "firewalld", "ufw", "nftables" or "none".
	Firewall string `json:"firewall"`
	CPUs     int    `json:"cpus"`
	// Memory is in bytes.
	Memory int64 `json:"memory"`
	GPUs   []GPU `json:"gpus"`
	// Unknown are the names (as in JSON) of the facts that are not known: those of an
	// image that only the machine it boots on will tell.
	Unknown []string `json:"unknown,omitempty"`
}

// Distro is the distribution, as /etc/os-release names it.
type Distro struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Name    string `json:"name"`
}

// GPU is a graphics processor.
type GPU struct {
	// Vendor is "nvidia", "amd" or "intel".
	Vendor string `json:"vendor"`
	// Name is the model, or its PCI number where no driver tells the model.
	Name string `json:"name"`
	// Memory is in bytes, 0 where no driver tells it.
	Memory int64 `json:"memory"`
}

// Known reports whether the fact of that name (as in JSON) is known.
func (f Facts) Known(name string) bool {
	return slices.Contains(factNames(), name) && !slices.Contains(f.Unknown, name)
}

// Fill returns f with the facts that it does not know taken from other.
func (f Facts) Fill(other Facts) Facts {
	to, from := reflect.ValueOf(&f).Elem(), reflect.ValueOf(other)
	var unknown []string
	for i, name := range factNames() {
		switch {
		case f.Known(name):
		case other.Known(name):
			to.Field(i).Set(from.Field(i))
		default:
			unknown = append(unknown, name)
		}
	}
	f.Unknown = unknown
	return f
}

// LoadFacts reads facts from JSON. A fact that it does not have is unknown; a field that
// is no fact is an error.
func LoadFacts(r io.Reader) (Facts, error) {
	var f Facts
	b, err := io.ReadAll(r)
	if err != nil {
		return f, fmt.Errorf("cannot read facts: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return Facts{}, factsError(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Facts{}, errors.New("cannot read facts: there is more than one JSON value")
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(b, &given); err != nil {
		return Facts{}, fmt.Errorf("cannot read facts: %w", err)
	}
	for _, name := range f.Unknown {
		if !slices.Contains(factNames(), name) {
			return Facts{}, fmt.Errorf("cannot read facts: unknown names %q, which is no fact", name)
		}
	}
	for _, name := range factNames() {
		if _, ok := given[name]; !ok && f.Known(name) {
			f.Unknown = append(f.Unknown, name)
		}
	}
	return f, nil
}

// factsError says in our words what encoding/json finds wrong.
func factsError(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		return fmt.Errorf("cannot read facts: %s cannot be a %s", wrong.Field, wrong.Value)
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("cannot read facts: it is not JSON, at byte %d: %w", syntax.Offset, err)
	}
	return fmt.Errorf("cannot read facts: %w", err)
}

// factNames are the names of all facts, in the order of the fields.
func factNames() []string {
	var names []string
	t := reflect.TypeFor[Facts]()
	for i := range t.NumField() - 1 { // Unknown, the last, is no fact
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}
