package bundle_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/plans/bundle"
)

const confidential = `
variable "environ" {
  type      = string
  sensitive = true
}
variable "file" {
  type      = object({ key = string })
  sensitive = true
}
variable "auto" {
  type      = string
  sensitive = true
}
file "environ" {
  path    = "/etc/environ"
  content = "x ${var.environ}"
}
file "template" {
  path    = "/etc/template"
  content = templatefile("t.tmpl", { secret = var.file.key })
}
file "auto" {
  path    = "/etc/auto"
  content = var.auto
}
file "source" {
  path      = "/etc/source"
  source    = "secret/source"
  sensitive = true
}
file "function" {
  path    = "/etc/function"
  content = sensitive(trimspace(file("secret/function")))
}
file "encoded" {
  path    = "/etc/encoded"
  content = sensitive(base64decode(file("secret/encoded")))
}
file "yaml" {
  path    = "/etc/yaml"
  content = sensitive(yamldecode(file("secret/yaml")).key)
}
file "tried" {
  path    = "/etc/tried"
  content = sensitive(trimspace(try(file("secret/tried"), "nothing")))
}
file "asked" {
  path    = "/etc/asked"
  content = sensitive(can(file("secret/asked")) ? file("secret/asked") : "nothing")
}
file "base64" {
  path    = "/etc/base64"
  content = sensitive(filebase64("secret/base64"))
}
file "called" {
  path    = "/etc/called"
  content = sensitive(templatefile("called.tmpl", {}))
}
file "rendered" {
  path      = "/etc/rendered"
  template  = "rendered.tmpl"
  sensitive = true
}
env_file "from" {
  path = "/etc/from"
  from = ["secret/env"]
}
env_file "value" {
  path   = "/etc/value"
  values = { KEY = chomp(file("secret/value")) }
}
file "public" {
  path    = "/etc/public"
  content = file("data")
}
`

// canary marks every secret of the plan.
const canary = "c4n4ry-"

func secretFiles() map[string]string {
	return map[string]string{
		"plan/plan.hcl": confidential, "plan/t.tmpl": "key = ${secret}\n", "plan/data": "public data",
		"plan/x.auto.vars.hcl": `auto = "` + canary + `auto"`, "vars.hcl": `file = { key = "` + canary + `file" }`,
		"plan/secret/source": canary + "source", "plan/secret/function": "  " + canary + "function\n",
		"plan/secret/encoded": base64.StdEncoding.EncodeToString([]byte(canary + "encoded")),
		"plan/secret/yaml":    "key: " + canary + "yaml\n", "plan/secret/env": "KEY=" + canary + "env\n",
		"plan/secret/value": canary + "value\n", "plan/secret/tried": canary + "tried\n", "plan/secret/asked": canary + "asked\n",
		"plan/secret/base64": canary + "base64\n",
		"plan/called.tmpl":   "key = ${file(\"secret/called\")}", "plan/secret/called": canary + "called\n",
		"plan/rendered.tmpl": "key = ${file(\"secret/rendered\")}", "plan/secret/rendered": canary + "rendered\n",
	}
}

// encodes is known, but that it finds base64 too.
type encodes struct{ *known }

func (k encodes) Shows(text string) bool {
	for _, s := range k.secrets {
		if strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(s))) {
			return true
		}
	}
	return k.known.Shows(text)
}

func newSecretWorld(t *testing.T) (*world, map[string]string) {
	w := newWorld(t, secretFiles())
	w.input.VarFiles = []string{"vars.hcl"}
	w.input.Environ = []string{"AGENT0_VAR_environ=" + canary + "environ"}
	plan, _ := w.pack()
	p, err := bundle.Make(w.machine.View().Files, w.input, plan, false, encodes{w.secrets})
	w.check(err)
	w.check(p.Store(w.machine.Host().Files))
	return w, said(t, plan)
}

// No secret is in a bundle, and with the secrets where they were the plan says what it said.
func TestNoSecretIsCopied(t *testing.T) {
	w, want := newSecretWorld(t)
	content := w.machine.Get(bundle.Dir + "/plan.tar")
	for _, secret := range []string{canary, base64.StdEncoding.EncodeToString([]byte(canary + "encoded"))} {
		if strings.Contains(content, secret) {
			t.Errorf("%s is in the bundle", secret)
		}
	}
	for _, text := range []string{"public data", "key = ${secret}", "variable \"environ\""} {
		if !strings.Contains(content, text) {
			t.Errorf("%q is not in the bundle", text)
		}
	}
	t.Chdir("/")
	got := said(t, w.again("AGENT0_VAR_environ="+canary+"environ"))
	for addr, words := range want {
		if got[addr] != words {
			t.Errorf("%s: %q, not %q", addr, got[addr], words)
		}
	}
	if !strings.Contains(want["file.encoded"], canary+"encoded") {
		t.Errorf("the plan has no secrets: %v", want)
	}
}

// What needs a secret that is gone, or changed, is deferred with the reason; nothing else is.
func TestSecretsThatAreNotAtHand(t *testing.T) {
	path := func(w *world, name string) string { return filepath.Join(w.dir, name) }
	for _, c := range []struct {
		name, addr, why string
		move            func(w *world)
	}{
		{"a variable's file is gone", "file.template", "vars.hcl is gone", func(w *world) { w.check(os.Remove(path(w, "vars.hcl"))) }},
		{"the file no longer sets it", "file.template", "vars.hcl no longer sets it", func(w *world) { w.write(map[string]string{"vars.hcl": "x = 1"}) }},
		{"the file is being edited", "file.template", "vars.hcl is not valid", func(w *world) { w.write(map[string]string{"vars.hcl": "file = {"}) }},
		{"the file says something else", "file.template", "changed since it was applied", func(w *world) { w.write(map[string]string{"vars.hcl": `file = { key = "other" }`}) }},
		{"the file says nothing that fits", "file.template", "changed since it was applied", func(w *world) { w.write(map[string]string{"vars.hcl": `file = "other"`}) }},
		{"an auto file is gone", "file.auto", "x.auto.vars.hcl is gone", func(w *world) { w.check(os.Remove(path(w, "plan/x.auto.vars.hcl"))) }},
		{"a source is gone", "file.source", "secret/source (it is gone)", func(w *world) { w.check(os.Remove(path(w, "plan/secret/source"))) }},
		{"a source changed", "file.source", "secret/source (it changed since", func(w *world) { w.write(map[string]string{"plan/secret/source": "x"}) }},
		{"a file is gone", "file.function", "secret/function (it is gone)", func(w *world) { w.check(os.Remove(path(w, "plan/secret/function"))) }},
		{"an encoded one is gone", "file.encoded", "secret/encoded (it is gone)", func(w *world) { w.check(os.Remove(path(w, "plan/secret/encoded"))) }},
		{"YAML is being edited", "file.yaml", "secret/yaml (it changed since", func(w *world) { w.write(map[string]string{"plan/secret/yaml": ": {"}) }},
		{"one that is tried is gone", "file.tried", "secret/tried (it is gone)", func(w *world) { w.check(os.Remove(path(w, "plan/secret/tried"))) }},
		{"one that is tried changed", "file.tried", "secret/tried (it changed since", func(w *world) { w.write(map[string]string{"plan/secret/tried": "x"}) }},
		{"one that is asked for is gone", "file.asked", "secret/asked (it is gone)", func(w *world) { w.check(os.Remove(path(w, "plan/secret/asked"))) }},
		{"one that base64 was made of is gone", "file.base64", "secret/base64 (it is gone)", func(w *world) { w.check(os.Remove(path(w, "plan/secret/base64"))) }},
		{"one of a template is gone", "file.called", "secret/called (it is gone)", func(w *world) { w.check(os.Remove(path(w, "plan/secret/called"))) }},
		{"one of a template of a kind's own is gone", "file.rendered", "secret/rendered (it is gone)", func(w *world) { w.check(os.Remove(path(w, "plan/secret/rendered"))) }},
		{"an env file is gone", "env_file.from", "secret/env (it is gone)", func(w *world) { w.check(os.Remove(path(w, "plan/secret/env"))) }},
		{"a value's file changed", "env_file.value", "secret/value (it changed since", func(w *world) { w.write(map[string]string{"plan/secret/value": "x"}) }},
		{"the environment lacks it", "file.environ", "the environment has no AGENT0_VAR_environ", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, _ := newSecretWorld(t)
			environ := []string{"AGENT0_VAR_environ=" + canary + "environ"}
			if c.move == nil {
				environ = nil
			} else {
				c.move(w)
			}
			found := false
			for _, d := range w.again(environ...).Resources {
				if string(d.Addr) != c.addr {
					if d.Deferred != "" {
						t.Errorf("%s %s", d.Addr, d.Deferred)
					}
					continue
				}
				found = true
				if !strings.HasPrefix(d.Deferred, "needs ") || !strings.Contains(d.Deferred, c.why) {
					t.Errorf("%s %s", d.Addr, d.Deferred)
				}
			}
			if !found {
				t.Error("the resource is missing")
			}
		})
	}
}
