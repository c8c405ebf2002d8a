package plans_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"golang.org/x/tools/txtar"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/plans"
)

// toy has a field of every type that plans know.
type toy struct {
	Name    string                 `hcl:"name,label"`
	Path    string                 `hcl:"path"`
	Mode    string                 `hcl:"mode,optional"`
	On      bool                   `hcl:"on,optional"`
	Off     *bool                  `hcl:"off,optional"`
	Size    int                    `hcl:"size,optional"`
	Bytes   int64                  `hcl:"bytes,optional"`
	Ratio   float64                `hcl:"ratio,optional"`
	Maybe   *string                `hcl:"maybe,optional"`
	Number  *int                   `hcl:"number,optional"`
	Paths   []string               `hcl:"paths,optional"`
	Ports   []int                  `hcl:"ports,optional"`
	Labels  map[string]string      `hcl:"labels,optional"`
	Free    map[string]any         `hcl:"free,optional"`
	Content *engine.Text           `hcl:"content,optional"`
	Plain   engine.Text            `hcl:"plain,optional"`
	Values  map[string]engine.Text `hcl:"values,optional"`
	Token   *engine.Text           `hcl:"token,optional" plan:"secret"`
	Source  string                 `hcl:"source,optional"`
	Tmpl    string                 `hcl:"template,optional"`
	Follow  []engine.Addr          `hcl:"follow,optional"`
	Limits  *limits                `hcl:"limits,block"`
	Rules   []rule                 `hcl:"rule,block"`

	Raw []byte `record:"raw"`
}

type limits struct {
	Memory string       `hcl:"memory"`
	CPU    string       `hcl:"cpu,optional"`
	Secret *engine.Text `hcl:"secret,optional"`
}

type rule struct {
	Port   int           `hcl:"port"`
	From   []string      `hcl:"from,optional"`
	Watch  []engine.Addr `hcl:"watch,optional"`
	Nested []limits      `hcl:"nested,block"`
}

// about is an error that tells which attribute it is about.
type about struct{ name, text string }

func (e about) Error() string     { return e.text }
func (e about) Attribute() string { return e.name }

func (x *toy) Load(s engine.Sources) error {
	if x.Source != "" {
		b, err := s.ReadFile(x.Source)
		if err != nil {
			return about{"source", err.Error()}
		}
		x.Content = engine.NewText(string(b))
	}
	if x.Tmpl != "" {
		out, err := s.Render(x.Tmpl, x.Free)
		if err != nil {
			return about{"template", err.Error()}
		}
		x.Content = engine.NewText(out)
	}
	return nil
}

func (x *toy) Default() {
	if x.Mode == "" {
		x.Mode = "0644"
	}
}

func (x *toy) Validate() error {
	var errs []error
	if !strings.HasPrefix(x.Path, "/") {
		errs = append(errs, about{"path", "the path must be absolute"})
	}
	if strings.Contains(x.Mode, "9") {
		errs = append(errs, about{"mode", "the mode is octal"})
	}
	if x.Size < 0 {
		errs = append(errs, errors.New("nothing is smaller than nothing"))
	}
	if x.Limits != nil && x.Limits.Memory == "none" {
		errs = append(errs, about{"limits.memory", "some memory is needed"})
	}
	return errors.Join(errs...)
}

func (x *toy) Exports() map[string]string {
	return map[string]string{"unit": x.Name + ".service", "path": "no"}
}

// box is a kind with no secrets, no label and nothing optional about it.
type box struct {
	Path string `hcl:"path"`
	On   bool   `hcl:"on,optional"`
	User string `hcl:"user,optional"`
	Back limits `hcl:"back,block"`
}

// user is a kind with nothing but names.
type user struct {
	Name  string `hcl:"name,optional"`
	Shell string `hcl:"shell,optional"`
}

type inert[S any] struct{}

func (inert[S]) Read(context.Context, host.View, *S) (*S, error) { return nil, nil }
func (inert[S]) Apply(context.Context, *host.Host, *S, *S) error { return nil }

func kinds() []*engine.Kind {
	return []*engine.Kind{
		engine.NewKind("toy", inert[toy]{}), engine.NewKind("box", inert[box]{}), engine.NewKind("user", inert[user]{}),
	}
}

func facts() host.Facts {
	return host.Facts{
		OS: "linux", Arch: "amd64", CPUs: 4, Memory: 16 << 30, Kernel: "6.1", Init: "systemd", Hostname: "falcon",
		Distro: host.Distro{ID: "debian", Version: "12"}, Virtualization: "none", SELinux: "enforcing", Firewall: "nftables",
		GPUs: []host.GPU{{Vendor: "nvidia", Name: "H100", Memory: 80 << 30}},
	}
}

// folder writes the files of a txtar archive into a new folder. Text before the first file is
// plan.hcl.
func folder(t testing.TB, archive string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "demo")
	a := txtar.Parse([]byte(archive))
	if len(bytes.TrimSpace(a.Comment)) > 0 {
		a.Files = append(a.Files, txtar.File{Name: "plan.hcl", Data: bytes.TrimLeft(a.Comment, "\n")})
	}
	for _, f := range a.Files {
		name := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// load reads a plan that is written as folder has it.
func load(t testing.TB, archive string, change ...func(*plans.Input)) (*plans.Plan, hcl.Diagnostics) {
	t.Helper()
	in := plans.Input{Path: folder(t, archive), Facts: facts(), Kinds: kinds()}
	for _, f := range change {
		f(&in)
	}
	plan, diags := plans.Load(in)
	return plan, diags
}

// good reads a plan that has no mistakes.
func good(t testing.TB, archive string, change ...func(*plans.Input)) *plans.Plan {
	t.Helper()
	plan, diags := load(t, archive, change...)
	if diags.HasErrors() {
		t.Fatalf("unexpected mistakes:\n%s", shown(t, plan, diags))
	}
	return plan
}

// shown is diagnostics as a user sees them.
func shown(t testing.TB, plan *plans.Plan, diags hcl.Diagnostics) string {
	t.Helper()
	var b bytes.Buffer
	if err := hcl.NewDiagnosticTextWriter(&b, plan.Files(), 0, false).WriteDiagnostics(diags); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// spec is the struct of the resource at addr.
func spec[S any](t testing.TB, plan *plans.Plan, addr engine.Addr) *S {
	t.Helper()
	s, ok := declared(t, plan, addr).Spec.(*S)
	if !ok {
		t.Fatalf("%s is not a %T", addr, s)
	}
	return s
}

func declared(t testing.TB, plan *plans.Plan, addr engine.Addr) engine.Declared {
	t.Helper()
	var all []string
	for _, d := range plan.Resources {
		if d.Addr == addr {
			return d
		}
		all = append(all, string(d.Addr))
	}
	t.Fatalf("the plan has no %s, but %s", addr, strings.Join(all, ", "))
	return engine.Declared{}
}

func addrs(plan *plans.Plan) []string {
	out := []string{}
	for _, d := range plan.Resources {
		s := string(d.Addr)
		if d.LeftOut {
			s += " left out"
		}
		out = append(out, s)
	}
	return out
}

// same compares, seeing into texts.
func same(t testing.TB, want, got any) {
	t.Helper()
	texts := cmp.Transformer("text", func(x engine.Text) string { return fmt.Sprintf("%q secret=%v", x.Reveal(), x.Secret()) })
	if diff := cmp.Diff(want, got, texts); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}
