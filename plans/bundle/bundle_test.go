package bundle_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/plans"
	"github.com/agent0-converge/agent0-converge/plans/bundle"
)

const everything = `
variable "who" { type = string }
variable "ports" { type = map(number) }
variable "plain" { default = "default" }
variable "quiet" { default = null }
file "text" {
  path    = "/etc/text"
  content = "${var.who} ${var.ports.api} ${var.plain} ${var.quiet == null} ${host.os}"
}
file "read" {
  path    = "/etc/read"
  content = file("data/a.txt")
}
file "template" {
  path    = "/etc/template"
  content = templatefile("t.tmpl", { who = var.who })
}
file "rendered" {
  path     = "/etc/rendered"
  template = "r.tmpl"
  vars     = { who = var.who }
}
file "source" {
  path   = "/etc/source"
  source = "data/b.txt"
}
file "set" {
  for_each = fileset("data", "**/*.txt")
  path     = "/etc/set/${replace(each.key, "/", "-")}"
  source   = "data/${each.key}"
}
file "binary" {
  path    = "/etc/binary"
  content = filebase64("binary")
}
env_file "env" {
  path   = "/etc/env"
  from   = ["nowhere.env", "public.env"]
  public = ["A"]
}
module "m" {
  source = "../modules/m"
  who    = var.who
}
output "there" { value = "${fileexists("t.tmpl")} ${fileexists("nowhere")} ${length(fileset("empty", "*"))}" }
`

func plain() map[string]string {
	return map[string]string{
		"plan/a.hcl": everything, "plan/b.hcl.json": `{"file":{"json":{"path":"/etc/json","content":"${file(\"data/a.txt\")}"}}}`,
		"plan/who.auto.vars.hcl": `who = "somebody"`, "ports.hcl": `ports = { api = 8000 }`,
		"plan/data/a.txt": "a", "plan/data/b.txt": "b", "plan/data/deep/er/c.txt": "c", "plan/data/unread": "x",
		"plan/t.tmpl": "hello ${who}", "plan/r.tmpl": "bye ${who}", "plan/binary": "\x00\xff", "plan/public.env": "A=1\n",
		"plan/empty/.keep.d/x": "", "other/place": "",
		"modules/m/m.hcl": `
variable "who" {}
module "inner" { source = "./inner" }
file "m" {
  path    = "/etc/m"
  content = "${var.who} ${file("text")} ${module.inner.path}"
}`,
		"modules/m/text": "beside the module", "modules/m/inner/i.hcl": `
file "i" {
  path   = "/etc/i"
  source = "text"
}
output "path" { value = file.i.path }`, "modules/m/inner/text": "inner",
	}
}

// What was applied is read again word by word, though nothing is left of the plan and the process
// works elsewhere.
func TestReadsAgainWhatWasApplied(t *testing.T) {
	w := newWorld(t, plain())
	w.input.VarFiles = []string{"ports.hcl"}
	w.input.Vars = map[string]string{"plain": "flag"}
	want := said(t, w.apply())
	for _, name := range []string{"plan", "modules", "ports.hcl"} {
		w.check(os.RemoveAll(filepath.Join(w.dir, name)))
	}
	t.Chdir(filepath.Join(w.dir, "other"))
	got := said(t, w.again("AGENT0_VAR_plain=environment"))
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if len(got) < 16 || !strings.Contains(got["module.m.file.m"], "beside the module") || !strings.HasPrefix(got["file.text"], "plan/a.hcl:6 ") {
		t.Errorf("the plan says too little: %v", got)
	}
}

// A long plan is read in pieces from the bundle too.
func TestLongPlan(t *testing.T) {
	var b strings.Builder
	for i := range 3000 {
		b.WriteString("file \"f" + string(rune('a'+i%26)) + strings.Repeat("x", i/26) + "\" {\n  path = \"/etc/" + strings.Repeat("y", 1+i%200) + "\"\n  content = \"1\"\n}\n")
	}
	w := newWorld(t, map[string]string{"plan/plan.hcl": b.String()})
	want := said(t, w.apply())
	w.check(os.RemoveAll(filepath.Join(w.dir, "plan")))
	if d := cmp.Diff(want, said(t, w.again())); d != "" || len(want) != 3002 {
		t.Errorf("%d %s", len(want), d)
	}
}

func TestUnchangedWritesNothing(t *testing.T) {
	w := newWorld(t, plain())
	w.input.VarFiles = []string{"ports.hcl"}
	w.apply()
	w.machine.Reset()
	w.apply()
	if ops := w.machine.Ops(); len(ops) > 0 {
		t.Errorf("it wrote: %v", ops)
	}
	for name, edit := range map[string]func(){
		"a plan file":       func() { w.write(map[string]string{"plan/a.hcl": everything + "# more\n"}) },
		"a file":            func() { w.write(map[string]string{"plan/data/a.txt": "other"}) },
		"one more":          func() { w.write(map[string]string{"plan/data/d.txt": "d"}) },
		"the value of one":  func() { w.write(map[string]string{"ports.hcl": `ports = { api = 8001 }`}) },
		"the file of names": func() { w.write(map[string]string{"plan/public.env": "A=2\n"}) },
	} {
		edit()
		w.machine.Reset()
		if w.apply(); w.machine.Changes() == 0 {
			t.Errorf("%s changed, and nothing was written", name)
		}
	}
}

func TestModes(t *testing.T) {
	w := newWorld(t, map[string]string{"plan/plan.hcl": `file "a" { path = "/a" }`})
	w.apply()
	for name, want := range map[string]host.Info{
		bundle.Dir:               {Kind: host.Dir, Mode: 0o700},
		bundle.Dir + "/plan.tar": {Kind: host.File, Mode: 0o600},
	} {
		got, err := w.machine.View().Files.Lstat(name)
		if err != nil || got.Kind != want.Kind || got.Mode != want.Mode {
			t.Errorf("%s: %v %o, %v", name, got.Kind, got.Mode, err)
		}
	}
}

// Stopped before any of its steps, storing a bundle leaves the old one or the new one, and the next
// time it arrives.
func TestStoppedAnywhere(t *testing.T) {
	plan := func(content string) map[string]string {
		return map[string]string{
			"plan/plan.hcl": "file \"a\" {\n path = \"/a\"\n source = \"src\"\n}\n# " + content + "\n", "plan/src": strings.Repeat(content, 1000),
		}
	}
	for _, first := range []bool{true, false} {
		points, hit := 0, 0
		for n := 1; ; n++ {
			w := newWorld(t, plan("old"))
			var old map[string]string
			if !first {
				old = said(t, w.apply())
			}
			w.write(plan("new"))
			loaded, p := w.pack()
			want := said(t, loaded)
			w.machine.StopAt(n)
			err := p.Store(w.machine.Host().Files)
			if !w.machine.Fired() {
				w.check(err)
				break
			}
			points++
			w.machine.Reset()
			if b, err := bundle.Open(w.machine.View().Files, "plan"); errors.As(err, new(*bundle.NoneError)) && first {
				hit++
			} else if err != nil {
				t.Errorf("stopped at %d: %v", n, err)
			} else {
				b.Close()
				if got := said(t, w.again()); cmp.Equal(got, want) || cmp.Equal(got, old) {
					hit++
				} else {
					t.Errorf("stopped at %d: neither the old nor the new one: %v", n, got)
				}
			}
			w.apply()
			if got := said(t, w.again()); !cmp.Equal(got, want) {
				t.Errorf("stopped at %d: the next time does not arrive", n)
			}
			if names, err := w.machine.View().Files.ReadDir(bundle.Dir); err != nil || len(names) != 1 {
				t.Errorf("stopped at %d: %v lie about, %v", n, names, err)
			}
		}
		t.Logf("first = %t: stopped at %d points, %d of them left a whole bundle", first, points, hit)
		if points < 5 || hit != points {
			t.Errorf("%d points, %d hit", points, hit)
		}
	}
}

func TestDamage(t *testing.T) {
	w := newWorld(t, map[string]string{"plan/plan.hcl": "file \"a\" {\n path = \"/a\"\n source = \"src\"\n}\n", "plan/src": strings.Repeat("content", 500)})
	w.apply()
	name := bundle.Dir + "/plan.tar"
	whole := w.machine.Get(name)
	for what, damaged := range map[string]string{
		"empty": "", "cut": whole[:len(whole)/2], "a file": strings.Replace(whole, "contentcontent", "contentC0ntent", 1),
		"the manifest": strings.Replace(whole, `"format": 1`, `"format": x`, 1), "a newer one": strings.Replace(whole, `"format": 1`, `"format": 9`, 1),
		"something else": "no archive",
	} {
		w.machine.Put(name, hosttest.File{Content: damaged, Mode: 0o600})
		b, err := bundle.Open(w.machine.View().Files, "plan")
		if err == nil {
			in := b.Input(w.secrets)
			in.Facts, in.Kinds = w.input.Facts, w.input.Kinds
			_, diags := plans.Load(in)
			if diags.HasErrors() {
				err = errors.New(diags.Error())
			}
			b.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "Apply the plan again by hand") && !strings.Contains(err.Error(), "is not what it was") {
			t.Errorf("%s: %v", what, err)
		}
		w.apply()
		if !bytes.Equal([]byte(w.machine.Get(name)), []byte(whole)) {
			t.Errorf("%s: the next apply does not make it whole", what)
		}
	}
}

func TestListsInTheirOrder(t *testing.T) {
	w := newWorld(t, nil)
	if _, err := bundle.Open(w.machine.View().Files, "x"); err == nil || !strings.Contains(err.Error(), "no plan was applied") {
		t.Error(err)
	}
	for _, name := range []string{"zebra", "../we ird", "apple", "zebra"} {
		w.write(map[string]string{"plan/plan.hcl": `file "a" { path = "/a" } # ` + name})
		plan := w.load(w.input)
		plan.Name = name
		p, err := bundle.Make(w.machine.View().Files, w.input, plan, true, w.secrets)
		w.check(err)
		w.check(p.Store(w.machine.Host().Files))
	}
	w.check(bundle.Remove(w.machine.Host().Files, "nowhere"))
	list, err := bundle.List(w.machine.View().Files)
	w.check(err)
	var names []string
	for _, m := range list {
		names = append(names, m.Name)
		if !m.ForgetSecrets {
			t.Errorf("%s would keep secrets", m.Name)
		}
	}
	if want := []string{"zebra", "../we ird", "apple"}; !slices.Equal(names, want) {
		t.Errorf("got %v", names)
	}
	if _, err := bundle.Open(w.machine.View().Files, "x"); err == nil || !strings.Contains(err.Error(), "zebra, ../we ird, apple") {
		t.Error(err)
	}
}

// A file that changes between being read and being packed is no copy of what is applied.
func TestEditedMeanwhile(t *testing.T) {
	w := newWorld(t, map[string]string{"plan/plan.hcl": `file "a" { path = "/a" }`})
	plan := w.load(w.input)
	w.write(map[string]string{"plan/plan.hcl": `file "b" { path = "/b" }`})
	if _, err := bundle.Make(w.machine.View().Files, w.input, plan, false, w.secrets); err == nil || !strings.Contains(err.Error(), "changed while the plan was read") {
		t.Error(err)
	}
}
