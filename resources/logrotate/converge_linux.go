package logrotate

import (
	"context"
	"fmt"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// Kind returns the kind logrotate.
func Kind() *engine.Kind { return engine.NewKind("logrotate", rule{}, engine.Passive()) }

// maxSize is the largest file that logrotate takes for a configuration.
const maxSize = 0xffffff

type rule struct{}

// Read reports the rule as it is.
func (rule) Read(_ context.Context, v host.View, spec *Spec) (*Spec, error) {
	p := spec.path()
	at, b, err := place.FindWhole(v, p, "rule of logrotate", owners(), maxSize)
	if at == nil {
		return nil, err
	}
	if at.Info.Size > maxSize {
		return nil, &engine.OccupiedError{Detail: fmt.Sprintf("%s is %d MiB large, which no rule is: remove it by hand", p, at.Info.Size>>20)}
	}
	have := &Spec{Name: spec.Name, Owner: at.Owner, Group: at.Group, Mode: at.Mode, Xattrs: at.Xattrs, info: at.Info}
	if at.Info.Mode&0o004 == 0 {
		have.Raw = engine.NewSecret(string(b))
		return have, nil
	}
	have.Raw = engine.NewText(string(b))
	have.parse(b)
	return have, nil
}

// owners are those that every rule must have.
func owners() place.Attributes {
	a := attributes()
	return place.Attributes{Owner: a[0], Group: a[1], Mode: a[2]}
}

// Diff compares byte by byte and tells the difference attribute by attribute.
func (rule) Diff(have, want *Spec) []engine.FieldDiff { return diff(have, want) }

// Apply makes, changes or removes the rule.
func (rule) Apply(_ context.Context, h *host.Host, have, want *Spec) error {
	if want == nil {
		return h.Files.Remove(have.path())
	}
	attr, err := owners().Attr(h.View(), have.found(), 0)
	if err != nil {
		return err
	}
	return put(h, have, want, attr)
}

// Undo brings back what was before, extended attributes included.
func (r rule) Undo(ctx context.Context, h *host.Host, now, before *Spec) error {
	if before == nil {
		return r.Apply(ctx, h, now, nil)
	}
	was := place.Attributes{Owner: before.Owner, Group: before.Group, Mode: before.Mode}
	attr, err := place.Exact(h.View(), was, before.Xattrs, now.found(), 0)
	if err != nil {
		return err
	}
	return put(h, now, before, attr)
}

// Batch reports whether the file is to be written.
func (rule) Batch(have, want *Spec) bool { return have == nil || have.bytes() != want.bytes() }

func put(h *host.Host, have, want *Spec, attr host.Attr) error {
	if have != nil && have.bytes() == want.bytes() {
		return h.Files.SetAttr(want.path(), attr)
	}
	return h.Files.Write(want.path(), []byte(want.bytes()), attr)
}

// found is what was found at the path, nil where nothing was.
func (s *Spec) found() *host.Info {
	if s == nil {
		return nil
	}
	return &s.info
}

// Irreversible says what undo will not bring back.
func (rule) Irreversible(have, want *Spec) string {
	if want == nil && have.info.Links > 1 {
		return fmt.Sprintf("the file has %d names; undo makes this one a file of its own", have.info.Links)
	}
	return ""
}
