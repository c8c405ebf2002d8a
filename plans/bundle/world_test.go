package bundle_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/plans"
	"github.com/agent0-converge/agent0-converge/plans/bundle"
	"github.com/agent0-converge/agent0-converge/resources/all"
)

// known are secrets as a journal knows them: those that it was asked about.
type known struct{ secrets []string }

func (k *known) SecretRef(s string) (string, error) {
	k.secrets = append(k.secrets, strings.TrimSpace(s))
	mac := hmac.New(sha256.New, []byte("the host's key"))
	mac.Write([]byte(s))
	return "hmac-sha256:" + hex.EncodeToString(mac.Sum(nil)), nil
}

func (k *known) Shows(text string) bool {
	return slices.ContainsFunc(k.secrets, func(s string) bool {
		return strings.Contains(text, s) || strings.Contains(s, strings.TrimSpace(text))
	})
}

// world is a plan in a folder and a machine that it was applied on.
type world struct {
	*testing.T
	dir     string
	machine *hosttest.Machine
	secrets *known
	input   plans.Input
}

func newWorld(t *testing.T, files map[string]string) *world {
	w := &world{T: t, dir: t.TempDir(), machine: hosttest.New(t, hosttest.Config{Offline: true}), secrets: &known{}}
	w.write(files)
	t.Chdir(w.dir)
	w.input = plans.Input{Path: "plan", Facts: w.machine.View().Facts, Kinds: all.Kinds()}
	return w
}

func (w *world) write(files map[string]string) {
	w.Helper()
	for name, content := range files {
		full := filepath.Join(w.dir, name)
		w.check(os.MkdirAll(filepath.Dir(full), 0o755))
		w.check(os.WriteFile(full, []byte(content), 0o644))
	}
}

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// load reads a plan that has no mistakes.
func (w *world) load(in plans.Input) *plans.Plan {
	w.Helper()
	plan, diags := plans.Load(in)
	if len(diags) > 0 {
		w.Fatal(diags)
	}
	return plan
}

// pack makes the bundle of the plan as its folder has it now.
func (w *world) pack() (*plans.Plan, *bundle.Pack) {
	w.Helper()
	plan := w.load(w.input)
	for _, d := range plan.Resources {
		w.check(engine.Seal(d.Spec, func(t engine.Text) (string, error) {
			if t.Secret() {
				return w.secrets.SecretRef(t.Reveal())
			}
			return "", nil
		}))
	}
	p, err := bundle.Make(w.machine.View().Files, w.input, plan, false, w.secrets)
	w.check(err)
	return plan, p
}

// apply stores the bundle and returns the plan.
func (w *world) apply() *plans.Plan {
	w.Helper()
	plan, p := w.pack()
	w.check(p.Store(w.machine.Host().Files))
	return plan
}

// again reads the plan from its bundle.
func (w *world) again(environ ...string) *plans.Plan {
	w.Helper()
	b, err := bundle.Open(w.machine.View().Files, "plan")
	w.check(err)
	defer b.Close()
	in := b.Input(w.secrets)
	in.Facts, in.Kinds, in.Environ = w.input.Facts, w.input.Kinds, environ
	return w.load(in)
}

// said is all that a plan declares, texts with what they say.
func said(t *testing.T, plan *plans.Plan) map[string]string {
	t.Helper()
	out := map[string]string{"digest": plan.Digest, "name": plan.Name}
	for _, d := range plan.Resources {
		var texts []string
		if d.Spec != nil {
			err := engine.Seal(d.Spec, func(t engine.Text) (string, error) { texts = append(texts, t.Reveal()); return "", nil })
			if err != nil {
				t.Fatal(err)
			}
		}
		slices.Sort(texts)
		out[string(d.Addr)] = d.Place.String() + " " + d.Deferred + " " + strings.Join(texts, "|")
	}
	for name, o := range plan.Outputs {
		out["output "+name] = o.Text()
	}
	return out
}
