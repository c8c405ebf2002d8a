package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

type resource struct{}

// Read reports the file as it is. The content is read only where it is managed, or where the file
// is to go: a change of attributes must not bring old content back when it is undone.
func (resource) Read(_ context.Context, v host.View, spec *Spec) (*Spec, error) {
	if spec.Content == nil && !spec.absent {
		at, err := place.Find(v, spec.Path, host.File, "file", spec.attributes())
		if at == nil {
			return nil, err
		}
		return spec.as(at), nil
	}
	at, content, err := place.FindWhole(v, spec.Path, "file", spec.attributes(), engine.MaxText)
	if at == nil {
		return nil, err
	}
	have := spec.as(at)
	if at.Info.Size > engine.MaxText {
		have.TooLarge = at.Info.Size
		return have, nil
	}
	have.hold(content, spec)
	return have, nil
}

// as is what was found at the path of s.
func (s *Spec) as(at *place.Found) *Spec {
	return &Spec{Path: s.Path, Owner: at.Owner, Group: at.Group, Mode: at.Mode, Xattrs: at.Xattrs, info: at.Info}
}

// hold sets the content that was found.
func (s *Spec) hold(b []byte, spec *Spec) {
	// What not everyone may read on the host is not shown either, unless the plan knows the file so.
	private := s.Mode != "" && s.info.Mode&0o004 == 0 && spec.Mode != s.Mode
	if content := spec.shared(b); spec.secret() || private {
		s.Content = engine.NewSecret(content)
	} else {
		s.Content = engine.NewText(content)
	}
}

// shared is b as a string: the plan's own where it says the same, so that a host which is as wanted
// is not in memory twice.
func (s *Spec) shared(b []byte) string {
	if s.Content != nil && s.Content.Reveal() == string(b) {
		return s.Content.Reveal()
	}
	return string(b)
}

// Check finds why the change cannot be made.
func (resource) Check(_ context.Context, v host.View, have, want *Spec) error {
	if have != nil && have.TooLarge > 0 {
		return fmt.Errorf("%s is %d MiB large, and at most %d MiB of a file are kept for undo: use the model kind for it, or remove it by hand",
			have.Path, have.TooLarge>>20, engine.MaxText>>20)
	}
	switch {
	case want == nil:
		return place.Check(v, have.Path, place.Remove, &have.info, place.Attributes{})
	case have == nil && want.Content == nil:
		return fmt.Errorf("%s is not there, and a file without content, source or template must be: its attributes are all that is managed", want.Path)
	case have == nil:
		return place.Check(v, want.Path, place.Make, nil, want.attributes())
	case same(have, want):
		return place.Check(v, want.Path, place.Dress, &have.info, want.attributes())
	}
	err := place.Check(v, want.Path, place.Replace, &have.info, want.attributes())
	if have.info.Links > 1 && !want.BreakHardLinks {
		err = errors.Join(err, fmt.Errorf("%s has %d names (hard links), and new content would be under this one alone: "+
			"set break_hard_links = true if it may", want.Path, have.info.Links))
	}
	return err
}

// same reports whether the content need not change.
func same(have, want *Spec) bool {
	return want.Content == nil || have.Content != nil && have.Content.Equal(*want.Content)
}

// Irreversible says what undo will not bring back.
func (resource) Irreversible(have, want *Spec) string {
	if have != nil && have.info.Links > 1 && (want == nil || !same(have, want)) {
		return fmt.Sprintf("the file has %d names; undo makes this one a file of its own", have.info.Links)
	}
	return ""
}

// Apply makes, changes or removes the file.
func (resource) Apply(ctx context.Context, h *host.Host, have, want *Spec) error {
	if want == nil {
		return h.Files.Remove(have.Path)
	}
	attr, err := want.attributes().Attr(h.View(), have.found(), want.fresh())
	if err != nil {
		return err
	}
	if have != nil && same(have, want) {
		return h.Files.SetAttr(want.Path, attr)
	}
	if err := want.check(ctx, h); err != nil {
		return err
	}
	return h.Files.Write(want.Path, []byte(want.Content.Reveal()), attr)
}

// Batch reports whether nothing but the content is to be written.
func (resource) Batch(have, want *Spec) bool {
	return want.Content != nil && (have == nil || !same(have, want)) && len(want.Checker) == 0
}

func (s *Spec) fresh() fs.FileMode {
	if s.secret() {
		return 0o600
	}
	return freshMode
}

// Undo brings back what was before, extended attributes included.
func (r resource) Undo(ctx context.Context, h *host.Host, now, before *Spec) error {
	if before == nil {
		return r.Apply(ctx, h, now, nil)
	}
	attr, err := place.Exact(h.View(), before.attributes(), before.Xattrs, now.found(), before.fresh())
	if err != nil {
		return err
	}
	if now != nil && same(now, before) {
		return h.Files.SetAttr(before.Path, attr)
	}
	return h.Files.Write(before.Path, []byte(before.Content.Reveal()), attr)
}

// found is what was found at the path, nil where nothing was.
func (s *Spec) found() *host.Info {
	if s == nil {
		return nil
	}
	return &s.info
}
