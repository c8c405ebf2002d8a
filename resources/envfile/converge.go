package envfile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// maxSize is the largest file that is taken for one of variables: more fits no process.
const maxSize = 1 << 20

type resource struct{}

// Read reports the file as it is. One that is not readable as variables is reported by its bytes
// alone.
func (resource) Read(_ context.Context, v host.View, spec *Spec) (*Spec, error) {
	at, b, err := place.FindWhole(v, spec.Path, "file of variables", spec.attributes(), maxSize)
	if at == nil {
		return nil, err
	}
	if at.Info.Size > maxSize {
		return nil, &engine.OccupiedError{Detail: fmt.Sprintf(
			"%s is %d KiB large, which no file of variables is: remove it by hand", spec.Path, at.Info.Size>>10)}
	}
	have := &Spec{Path: spec.Path, Owner: at.Owner, Group: at.Group, Mode: at.Mode, Xattrs: at.Xattrs, info: at.Info}
	have.Raw = engine.NewSecret(string(b))
	have.take(b, spec)
	return have, nil
}

// take reads the variables. What is not public in spec is not shown.
func (s *Spec) take(b []byte, spec *Spec) {
	pairs, err := parse(b)
	if err != nil {
		s.wrong = err
		return
	}
	if len(pairs) > 0 {
		s.Values = make(map[string]engine.Text, len(pairs))
	}
	for _, p := range pairs {
		value := engine.NewSecret(p.value)
		if said, ok := spec.Values[p.key]; ok && !said.Secret() {
			value = engine.NewText(p.value)
		}
		s.Values[p.key] = *value
	}
}

// bytes is the file as it is to be: as it was, where an undo wants it back.
func (s *Spec) bytes() string {
	if s.Raw != nil {
		return s.Raw.Reveal()
	}
	return format(s.Values)
}

// Diff compares byte by byte and tells the difference variable by variable.
func (resource) Diff(have, want *Spec) []engine.FieldDiff {
	var out []engine.FieldDiff
	if have.bytes() != want.bytes() {
		out = diffValues(have, want)
	}
	for _, f := range []struct{ name, have, want string }{
		{"owner", have.Owner, want.Owner}, {"group", have.Group, want.Group}, {"mode", have.Mode, want.Mode},
	} {
		if f.want != "" && f.want != f.have {
			out = append(out, engine.FieldDiff{Name: f.name, Have: f.have, Want: f.want})
		}
	}
	return out
}

func diffValues(have, want *Spec) []engine.FieldDiff {
	if have.wrong != nil {
		return []engine.FieldDiff{{Name: "values", Have: "(not readable: " + have.wrong.Error() + ")", Want: fmt.Sprintf("(%d variables)", len(want.Values)), Secret: true}}
	}
	keys := maps.Clone(have.Values)
	if keys == nil {
		keys = map[string]engine.Text{}
	}
	maps.Copy(keys, want.Values)
	var out []engine.FieldDiff
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		h, there := have.Values[key]
		w, wanted := want.Values[key]
		if there && wanted && h.Equal(w) {
			continue
		}
		out = append(out, diffValue(key, h, w, there, wanted))
	}
	if len(out) == 0 {
		out = append(out, engine.FieldDiff{Name: "values", Have: "(the same, written in another way)", Want: "(as this agent writes them)", Secret: true})
	}
	return out
}

func diffValue(key string, have, want engine.Text, there, wanted bool) engine.FieldDiff {
	// Even where the value is public: the file as it was goes with it, and that is secret as a whole.
	d := engine.FieldDiff{Name: fmt.Sprintf("values[%q]", key), Secret: true}
	secret := there && have.Secret() || wanted && want.Secret()
	if there {
		d.Have = have.Reveal()
		if secret {
			d.Have = "(secret)"
		}
	}
	if wanted {
		d.Want = want.Reveal()
		if secret {
			d.Want = "(secret, differs)"
		}
		if secret && !there {
			d.Want = "(secret)"
		}
	}
	return d
}

// Check finds why the change cannot be made.
func (resource) Check(_ context.Context, v host.View, have, want *Spec) error {
	switch {
	case want == nil:
		return place.Check(v, have.Path, place.Remove, &have.info, place.Attributes{})
	case have == nil:
		return place.Check(v, want.Path, place.Make, nil, want.attributes())
	case have.bytes() == want.bytes():
		return place.Check(v, want.Path, place.Dress, &have.info, want.attributes())
	}
	err := place.Check(v, want.Path, place.Replace, &have.info, want.attributes())
	if have.info.Links > 1 {
		err = errors.Join(err, fmt.Errorf("%s has %d names (hard links), and new variables would be under this one alone: remove the others",
			want.Path, have.info.Links))
	}
	return err
}

// Irreversible says what undo will not bring back.
func (resource) Irreversible(have, want *Spec) string {
	if want == nil && have.info.Links > 1 {
		return fmt.Sprintf("the file has %d names; undo makes this one a file of its own", have.info.Links)
	}
	return ""
}

// Apply makes, changes or removes the file.
func (resource) Apply(_ context.Context, h *host.Host, have, want *Spec) error {
	if want == nil {
		return h.Files.Remove(have.Path)
	}
	attr, err := want.attributes().Attr(h.View(), have.found(), privateMode)
	if err != nil {
		return err
	}
	return put(h, have, want, attr)
}

// privateMode is the mode of a new file where Mode says none, as on Windows.
const privateMode = 0o600

// Undo brings back what was before, extended attributes included.
func (r resource) Undo(ctx context.Context, h *host.Host, now, before *Spec) error {
	if before == nil {
		return r.Apply(ctx, h, now, nil)
	}
	attr, err := place.Exact(h.View(), before.attributes(), before.Xattrs, now.found(), privateMode)
	if err != nil {
		return err
	}
	return put(h, now, before, attr)
}

// Batch reports whether the file is to be written.
func (resource) Batch(have, want *Spec) bool { return have == nil || have.bytes() != want.bytes() }

func put(h *host.Host, have, want *Spec, attr host.Attr) error {
	if have != nil && have.bytes() == want.bytes() {
		return h.Files.SetAttr(want.Path, attr)
	}
	return h.Files.Write(want.Path, []byte(want.bytes()), attr)
}

// found is what was found at the path, nil where nothing was.
func (s *Spec) found() *host.Info {
	if s == nil {
		return nil
	}
	return &s.info
}
