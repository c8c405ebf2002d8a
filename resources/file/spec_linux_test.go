package file

import (
	"fmt"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/enginetest"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

func TestLoadAndValidate(t *testing.T) {
	beside := enginetest.Sources{"a": "x"}
	for _, c := range []struct {
		spec Spec
		want string
	}{
		{Spec{Path: motd}, ""},
		{Spec{Path: motd, Source: "a"}, ""},
		{Spec{Path: motd, Template: "a", Vars: map[string]any{"x": 1}}, ""},
		{Spec{Path: motd, Content: text("x"), Checker: []string{"true", "--file=%s"}}, ""},
		{Spec{Path: "motd"}, "path:"},
		{Spec{Path: motd, Mode: "rw"}, "mode:"},
		{Spec{Path: motd, Source: "b"}, "source: open b: file does not exist"},
		{Spec{Path: motd, Template: "b"}, "template: open b: file does not exist"},
		{Spec{Path: motd, Source: "a", Template: "a"}, "not from both"},
		{Spec{Path: motd, Content: text("x"), Source: "a"}, "content: the content is said here or comes from"},
		{Spec{Path: motd, Content: text("x"), Template: "a"}, "content: the content is said here or comes from"},
		{Spec{Path: motd, Content: text("x"), Vars: map[string]any{}}, "vars: only a template"},
		{Spec{Path: motd, Content: text(strings.Repeat("x", engine.MaxText+1))}, "use the model kind"},
		{Spec{Path: motd, Checker: []string{}}, "validate: it names no program"},
		{Spec{Path: motd, Checker: []string{"", "%s"}}, "validate: it names no program"},
		{Spec{Path: motd, Checker: []string{"visudo", "-c"}}, "validate: no argument has %s"},
	} {
		err := c.spec.Load(beside)
		if err == nil {
			c.spec.Default()
			err = c.spec.Validate()
		}
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.spec, err, c.want)
		}
	}
}

func TestDefault(t *testing.T) {
	for _, c := range []struct {
		spec         Spec
		mode, secret string
	}{
		{Spec{Content: text("x")}, "", "false"},
		{Spec{Content: text("x"), Mode: "644"}, "0644", "false"},
		{Spec{Content: text("x"), Mode: "4755"}, "4755", "false"},
		{Spec{Content: text("x"), Sensitive: true}, "0600", "true"},
		{Spec{Content: engine.NewSecret("x")}, "0600", "true"},
		{Spec{Content: engine.NewSecret("x"), Mode: "640"}, "0640", "true"},
		{Spec{Sensitive: true}, "", "true"},
	} {
		c.spec.Default()
		c.spec.Default() // twice is once
		if got := fmt.Sprint(c.spec.secret()); c.spec.Mode != c.mode || got != c.secret {
			t.Errorf("mode %q secret %s, want %q %s", c.spec.Mode, got, c.mode, c.secret)
		}
	}
}

// Content that the checker refuses is not published, and what the checker says about it is in the
// error unless the content is a secret.
func TestChecker(t *testing.T) {
	for _, c := range []struct {
		content    *engine.Text
		shown, not string
	}{
		{text("bad"), "syntax error near bad", "refuses it"},
		{engine.NewSecret("bad"), "refuses it with status 1", "syntax error"},
	} {
		m := hosttest.New(t, hosttest.Config{Files: files{motd: {Content: "old"}}, Programs: map[string]hosttest.Program{"visudo": visudo}})
		before := m.Dump(engine.StateDir)
		want := &Spec{Path: motd, Content: c.content, Checker: []string{"visudo", "-cf", "%s"}}
		have, err := resource{}.Read(t.Context(), m.View(), want)
		if err != nil {
			t.Fatal(err)
		}
		err = resource{}.Apply(t.Context(), m.Host(), have, want)
		if err == nil || !strings.Contains(err.Error(), c.shown) || strings.Contains(err.Error(), c.not) || !strings.Contains(err.Error(), motd) {
			t.Errorf("the error is %v", err)
		}
		m.Delete("/var")
		if after := m.Dump(engine.StateDir); after != before {
			t.Errorf("the machine changed:\n%s", after)
		}
	}
}

// The attributes of a file that is too large to be read can be managed, as they need no content.
func TestAttributesOfALargeFile(t *testing.T) {
	m := hosttest.New(t, hosttest.Config{})
	large(t, m)
	want := &Spec{Path: motd, Mode: "0600"}
	have, err := resource{}.Read(t.Context(), m.View(), want)
	if err == nil {
		err = resource{}.Check(t.Context(), m.View(), have, want)
	}
	if err == nil {
		err = resource{}.Apply(t.Context(), m.Host(), have, want)
	}
	if err != nil {
		t.Fatal(err)
	}
	if after, err := (resource{}).Read(t.Context(), m.View(), want); err != nil || after.Mode != "0600" {
		t.Errorf("mode %s, %v", after.Mode, err)
	}
}

func TestIrreversible(t *testing.T) {
	have := &Spec{Path: motd, Content: text("old")}
	have.info.Links = 2
	for _, c := range []struct {
		want *Spec
		say  bool
	}{
		{nil, true}, {&Spec{Content: text("new")}, true}, {&Spec{Content: text("old"), Mode: "0600"}, false}, {&Spec{Mode: "0600"}, false},
	} {
		if got := (resource{}).Irreversible(have, c.want); (got != "") != c.say {
			t.Errorf("%+v: %q", c.want, got)
		}
	}
}
