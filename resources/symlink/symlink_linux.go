package symlink

import (
	"context"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// Kind returns the kind symlink.
func Kind() *engine.Kind { return engine.NewKind("symlink", resource{}) }

type resource struct{}

// Read reports the link as it is.
func (resource) Read(_ context.Context, v host.View, spec *Spec) (*Spec, error) {
	at, err := place.Find(v, spec.Path, host.Symlink, "symlink", spec.attributes())
	if at == nil {
		return nil, err
	}
	target, err := v.Files.Readlink(spec.Path)
	if err != nil {
		return nil, err
	}
	return &Spec{Path: spec.Path, Target: target, Owner: at.Owner, Group: at.Group, Xattrs: at.Xattrs, info: at.Info}, nil
}

// Check finds why the change cannot be made.
func (resource) Check(_ context.Context, v host.View, have, want *Spec) error {
	switch {
	case want == nil:
		return place.Check(v, have.Path, place.Remove, &have.info, place.Attributes{})
	case have == nil:
		return place.Check(v, want.Path, place.Make, nil, want.attributes())
	case have.Target == want.Target:
		return place.Check(v, want.Path, place.Dress, &have.info, want.attributes())
	}
	return place.Check(v, want.Path, place.Replace, &have.info, want.attributes())
}

// Apply makes, changes or removes the link.
func (resource) Apply(_ context.Context, h *host.Host, have, want *Spec) error {
	if want == nil {
		return h.Files.Remove(have.Path)
	}
	attr, err := want.attributes().Attr(h.View(), have.found(), 0)
	if err != nil {
		return err
	}
	if have != nil {
		attr.Xattrs = have.Xattrs // a new link under the name would not have them
	}
	return put(h, have, want, attr)
}

// Undo brings back what was before, extended attributes included.
func (r resource) Undo(ctx context.Context, h *host.Host, now, before *Spec) error {
	if before == nil {
		return r.Apply(ctx, h, now, nil)
	}
	attr, err := place.Exact(h.View(), before.attributes(), before.Xattrs, nil, 0)
	if err != nil {
		return err
	}
	return put(h, now, before, attr)
}

func put(h *host.Host, have, want *Spec, attr host.Attr) error {
	if have != nil && have.Target == want.Target {
		return h.Files.SetAttr(want.Path, attr)
	}
	return h.Files.Symlink(want.Target, want.Path, attr)
}

// found is what was found at the path, nil where nothing was.
func (s *Spec) found() *host.Info {
	if s == nil {
		return nil
	}
	return &s.info
}
