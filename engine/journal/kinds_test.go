package journal

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// note is a file with a content, which may be secret; folder is a directory.
type (
	note struct {
		Path    string       `hcl:"path,label"`
		Content *engine.Text `hcl:"content,optional"`
		Secret  bool         `hcl:"secret,optional"`
		// Touch is a program to run on it.
		Touch  string `hcl:"touch,optional" diff:"-"`
		Parent bool   `hcl:"parent,optional" diff:"-"`
	}
	folder struct {
		Path string `hcl:"path,label"`
	}
	notes   struct{}
	folders struct{}
)

func (n *note) Claims() []engine.Claim   { return []engine.Claim{engine.PathClaim(n.Path)} }
func (n *note) Needs() []engine.Claim    { return []engine.Claim{engine.PathClaim(path.Dir(n.Path))} }
func (f *folder) Claims() []engine.Claim { return []engine.Claim{engine.PathClaim(f.Path)} }

func (n *note) Implies() []engine.Declared {
	if !n.Parent {
		return nil
	}
	dir := path.Dir(n.Path)
	return []engine.Declared{{Addr: engine.Addr("folder." + dir), Kind: kind("folder"), Spec: &folder{Path: dir}}}
}

func (notes) Read(_ context.Context, v host.View, spec *note) (*note, error) {
	b, err := v.Files.ReadFile(spec.Path)
	if errors.Is(err, fs.ErrNotExist) || isFolder(v, spec.Path) {
		return nil, nil
	}
	have := &note{Path: spec.Path, Secret: spec.Secret, Content: engine.NewText(string(b))}
	if spec.Secret {
		have.Content = engine.NewSecret(string(b))
	}
	return have, err
}

func isFolder(v host.View, name string) bool {
	info, err := v.Files.Lstat(name)
	return err == nil && info.Kind == host.Dir
}

func (notes) Apply(ctx context.Context, h *host.Host, have, want *note) error {
	if want == nil {
		return h.Files.Remove(have.Path)
	}
	if want.Touch != "" {
		if _, err := h.Programs.Run(ctx, "touch", want.Touch, want.Content.Reveal()); err != nil {
			return err
		}
	}
	return h.Files.Write(want.Path, []byte(want.Content.Reveal()), host.Attr{Mode: 0o600, UID: -1, GID: -1})
}

func (folders) Read(_ context.Context, v host.View, spec *folder) (*folder, error) {
	if !isFolder(v, spec.Path) {
		return nil, nil
	}
	return &folder{Path: spec.Path}, nil
}

func (folders) Apply(_ context.Context, h *host.Host, have, want *folder) error {
	if want != nil {
		return h.Files.Mkdir(want.Path, host.Attr{Mode: 0o755, UID: -1, GID: -1})
	}
	names, err := h.Files.ReadDir(have.Path)
	if err == nil && len(names) > 0 {
		return &engine.InUseError{Detail: "it holds " + strings.Join(names, ", ")}
	}
	return h.Files.Remove(have.Path)
}

func kind(name string) *engine.Kind {
	if name == "folder" {
		return engine.NewKind[folder]("folder", folders{})
	}
	return engine.NewKind[note]("note", notes{})
}

func kinds(name string) (*engine.Kind, bool) { return kind(name), name == "note" || name == "folder" }

// A plan is a list of these.
func text(name, content string) engine.Declared {
	return declare("note", name, &note{Path: "/etc/" + name, Content: engine.NewText(content)})
}

func secret(name, content string) engine.Declared {
	return declare("note", name, &note{Path: "/etc/" + name, Content: engine.NewSecret(content), Secret: true})
}

func dir(name string) engine.Declared { return declare("folder", name, &folder{Path: "/etc/" + name}) }

func gone(d engine.Declared) engine.Declared { d.Absent = true; return d }

func declare(k, name string, spec any) engine.Declared {
	return engine.Declared{Addr: engine.Addr(k + "." + name), Kind: kind(k), Spec: spec}
}
