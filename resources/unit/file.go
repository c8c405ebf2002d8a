package unit

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// File is what is at one path: a file with its text, a symbolic link with its target, or nothing.
type File struct {
	Path   string
	Text   *engine.Text      `json:",omitempty"`
	Target string            `json:",omitempty"`
	Owner  string            `json:",omitempty"`
	Group  string            `json:",omitempty"`
	Mode   string            `json:",omitempty"`
	Xattrs map[string][]byte `json:",omitempty"`

	info host.Info
}

// devNull is what a mask leads to.
const devNull = "/dev/null"

// maxFile is the longest file that is taken for one of a unit.
const maxFile = 1 << 20

// look reports what is at a path. Anything but a file or a link is in the way.
func look(v host.View, p string) (File, error) {
	f := File{Path: p}
	w, err := v.Files.ReadWhole(p, maxFile)
	if place.Missing(err) {
		return f, nil
	}
	if err != nil {
		return f, place.Unreadable(err)
	}
	info := w.Info
	if info.Kind != host.File && info.Kind != host.Symlink {
		return f, place.Occupied(v, p, info, "unit file")
	}
	at := place.Observe(v, info, place.Attributes{})
	f.info, f.Owner, f.Group, f.Mode = info, at.Owner, at.Group, at.Mode
	if info.Kind == host.Symlink {
		f.Mode = ""
		if f.Xattrs, err = place.Xattrs(v, p); err == nil {
			f.Target, err = v.Files.Readlink(p)
		}
		return f, err
	}
	if info.Size > maxFile {
		return f, &engine.OccupiedError{Detail: fmt.Sprintf("%s is %d KiB large, which no file of a unit is: remove it by hand", p, info.Size>>10)}
	}
	f.Xattrs, f.Text = w.Xattrs, engine.NewText(string(w.Content))
	if info.Mode&0o004 == 0 { // what not everyone may read is not shown either
		f.Text = engine.NewSecret(string(w.Content))
	}
	return f, nil
}

// there reports whether something is at the path.
func (f File) there() bool { return f.Text != nil || f.Target != "" }

// mask reports whether systemd takes f for a mask, by the rules of unit_file_load: a link to
// /dev/null or an empty file.
func (f File) mask() bool { return f.Target == devNull || f.Text != nil && f.Text.Reveal() == "" }

// ours reports whether f was written here.
func (f File) ours() bool { return f.Text != nil && strings.HasPrefix(f.Text.Reveal(), header) }

// text is what the file says, "" for a link and for nothing.
func (f File) text() string {
	if f.Text == nil {
		return ""
	}
	return f.Text.Reveal()
}

// same reports whether o says the same at its path.
func (f File) same(o File) bool {
	return f.there() == o.there() && f.Target == o.Target && (f.Text == nil) == (o.Text == nil) && (f.Text == nil || f.Text.Equal(*o.Text))
}

// dressed reports whether o also has the same owner, mode and extended attributes.
func (f File) dressed(o File) bool {
	if f.Owner != o.Owner || f.Group != o.Group || f.Mode != o.Mode || len(f.Xattrs) != len(o.Xattrs) {
		return false
	}
	for key, value := range f.Xattrs {
		if other, ok := o.Xattrs[key]; !ok || string(other) != string(value) {
			return false
		}
	}
	return true
}

// freshMode is the mode of a new file of a unit.
const freshMode = 0o644

// put makes what is at f's path what aim says. Where aim was found there once, all that it had
// comes back; otherwise a file that is there keeps whose it is.
func (f File) put(h *host.Host, aim File, exact bool) error {
	if !aim.there() {
		if !f.there() {
			return nil
		}
		return h.Files.Remove(f.Path)
	}
	attr, err := f.attributes(h.View(), aim, exact)
	if err != nil {
		return err
	}
	if f.same(aim) {
		return h.Files.SetAttr(f.Path, attr)
	}
	if err := h.Files.MkdirAll(path.Dir(f.Path), 0o755); err != nil {
		return err
	}
	if aim.Target != "" {
		return h.Files.Symlink(aim.Target, f.Path, attr)
	}
	return h.Files.Write(f.Path, []byte(aim.Text.Reveal()), attr)
}

func (f File) attributes(v host.View, aim File, exact bool) (host.Attr, error) {
	var (
		had   *host.Info
		fresh fs.FileMode
	)
	if aim.Text != nil {
		fresh = freshMode
	}
	if f.Text != nil && aim.Text != nil {
		had = &f.info
	}
	if exact {
		return place.Exact(v, place.Attributes{Owner: aim.Owner, Group: aim.Group, Mode: aim.Mode}, aim.Xattrs, had, fresh)
	}
	return place.Attributes{}.Attr(v, had, fresh)
}

// check finds why f cannot become aim.
func (f File) check(v host.View, aim File) error {
	switch {
	case f.same(aim):
		return nil
	case !f.there():
		return place.Check(v, f.Path, place.Make, nil, place.Attributes{})
	case !aim.there():
		return place.Check(v, f.Path, place.Remove, &f.info, place.Attributes{})
	}
	return errors.Join(place.Check(v, f.Path, place.Replace, &f.info, place.Attributes{}), f.names())
}

// names refuses a file that has other names, as only one of them would change.
func (f File) names() error {
	if f.Text != nil && f.info.Links > 1 {
		return fmt.Errorf("%s has %d names (hard links), and new settings would be under this one alone: remove the others", f.Path, f.info.Links)
	}
	return nil
}
