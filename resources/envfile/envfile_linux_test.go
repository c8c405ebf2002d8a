package envfile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/enginetest"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

type (
	files = map[string]hosttest.File
	cases = []enginetest.Case[Spec]
)

const env = "/etc/agent0/agent0.env"

var accounts = files{
	"/etc/passwd": {Content: "root:x:0:0::/root:/bin/sh\n"},
	"/etc/group":  {Content: "root:x:0:\nagent0:x:998:\n"},
}

func with(f hosttest.File) files {
	return files{"/etc/passwd": accounts["/etc/passwd"], "/etc/group": accounts["/etc/group"], env: f}
}

// spec is a block with one secret of the plan and one of a file beside it.
func spec() *Spec {
	return &Spec{
		Path: env, From: []string{".env.swarm", ".env"}, Public: []string{"CONF"}, Group: "agent0",
		Values: map[string]engine.Text{"CONF": *engine.NewText("a:b c"), "KEY": *engine.NewText("$ecret")},
	}
}

var beside = map[string]string{".env": "TOKEN=new\nCONF=overruled\n"}

const wanted = header + "CONF=\"a:b c\"\nKEY=\"\\$ecret\"\nTOKEN=new\n"

func TestConverges(t *testing.T) {
	enginetest.Converges(t, Kind(), cases{
		{Name: "nothing there, nor its folder", Sources: beside, Files: accounts, Spec: spec(), Want: engine.Create},
		{Name: "as wanted", Sources: beside, Files: with(hosttest.File{Content: wanted, Mode: 0o640, GID: 998}), Spec: spec(), Want: engine.NoOp},
		{Name: "a value differs and one is too many", Sources: beside, Spec: spec(), Want: engine.Update,
			Files: with(hosttest.File{Content: strings.Replace(wanted, "=new", "=old", 1) + "MORE=1\n", Mode: 0o640, GID: 998, Xattrs: map[string]string{"user.a": "b"}})},
		{Name: "the same in other words", Sources: beside, Spec: spec(), Want: engine.Update,
			Files: with(hosttest.File{Content: "export TOKEN='new'\nCONF='a:b c'\nKEY='$ecret'\n", Mode: 0o640, GID: 998})},
		{Name: "garbled", Sources: beside, Spec: spec(), Want: engine.Update, Files: with(hosttest.File{Content: "\x00\xff no file of variables"})},
		{Name: "open to all", Sources: beside, Spec: spec(), Want: engine.Update, Files: with(hosttest.File{Content: wanted, GID: 998})},
		{Name: "no values", Files: accounts, Spec: &Spec{Path: env}, Want: engine.Create},
		{Name: "removed", Files: with(hosttest.File{Content: "A=1\n", Mode: 0o600, UID: 7}), Spec: &Spec{Path: env}, Absent: true, Want: engine.Remove},
		{Name: "an owner that the plan makes", With: []engine.Declared{enginetest.Account("bot", 997)}, Files: accounts,
			Spec: &Spec{Path: env, Owner: "bot"}, Want: engine.Create},
		{Name: "in an image", Offline: true, Sources: beside, Files: with(hosttest.File{Content: "A=1"}), Spec: spec(), Want: engine.Update},
	})
}

func TestRefuses(t *testing.T) {
	enginetest.Converges(t, Kind(), cases{
		{Name: "a directory", Files: files{env: {Dir: true}}, Spec: &Spec{Path: env}, Err: "is a directory, not a file of variables"},
		{Name: "a link", Files: files{env: {Link: "/x"}}, Spec: &Spec{Path: env}, Err: "is a symlink to /x"},
		{Name: "too large", Files: files{env: {Content: strings.Repeat("#", maxSize+1)}}, Spec: &Spec{Path: env}, Err: "no file of variables is"},
		{Name: "an unknown group", Files: with(hosttest.File{}), Spec: &Spec{Path: env, Group: "staff"}, Err: "the host has no group staff"},
	})
}

// What a diff says is told per variable, and no secret is in it.
func TestDiff(t *testing.T) {
	want := spec()
	want.Values["NEW"] = *engine.NewSecret("canary")
	want.Default()
	m := hosttest.New(t, hosttest.Config{Files: with(hosttest.File{Content: "CONF=x\nKEY=canary\nGONE=canary\n", Mode: 0o600})})
	have, err := resource{}.Read(t.Context(), m.View(), want)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, f := range (resource{}).Diff(have, want) {
		got += fmt.Sprintf("%s: %s → %s\n", f.Name, f.Have, f.Want)
	}
	const say = `values["CONF"]: x → a:b c
values["GONE"]: (secret) → 
values["KEY"]: (secret) → (secret, differs)
values["NEW"]:  → (secret)
group: root → agent0
mode: 0600 → 0640
`
	if got != say {
		t.Errorf("got\n%s\nwant\n%s", got, say)
	}
	if all := fmt.Sprintf("%v %+v %#v %s", have, have, *have, have.Values); strings.Contains(all, "canary") {
		t.Errorf("a secret is shown: %s", all)
	}
}

func TestLoadAndValidate(t *testing.T) {
	for _, c := range []struct {
		name  string
		spec  Spec
		files enginetest.Sources
		want  string
	}{
		{"no file exists", Spec{Path: env, From: []string{".env"}}, nil, ""},
		{"a bad line", Spec{Path: env, From: []string{".env"}}, enginetest.Sources{".env": "A=1\nB=a b\n"}, "from: .env:2: a shell ends the value"},
		{"a bad name", Spec{Path: env, Values: texts(map[string]string{"a-b": "canary"})}, nil, `values: "a-b" is not a name`},
		{"a control character", Spec{Path: env, Values: texts(map[string]string{"A": "canary\r"})}, nil, "the value of A has a control character"},
		{"not UTF-8", Spec{Path: env, Values: texts(map[string]string{"A": "canary\xff"})}, nil, "the value of A is not UTF-8"},
		{"public and not there", Spec{Path: env, Public: []string{"A"}}, nil, "public: there is no variable A"},
		{"a relative path", Spec{Path: "agent0.env"}, nil, "is not absolute"},
	} {
		err := c.spec.Load(c.files)
		if err == nil {
			c.spec.Default()
			err = c.spec.Validate()
		}
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary")) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// Later files win over earlier ones, the plan's own values over both; public ones alone are shown.
func TestMerge(t *testing.T) {
	s := Spec{From: []string{"a", "b", "c"}, Public: []string{"A", "S"}, Values: map[string]engine.Text{"C": *engine.NewText("plan"), "S": *engine.NewSecret("x")}}
	if err := s.Load(enginetest.Sources{"a": "A=a\nB=a\nC=a\n", "c": "B=c\n"}); err != nil {
		t.Fatal(err)
	}
	s.Default()
	got := ""
	for _, key := range []string{"A", "B", "C", "S"} {
		v := s.Values[key]
		got += fmt.Sprintf("%s=%s %v\n", key, v.Reveal(), v.Secret())
	}
	if want := "A=a false\nB=c true\nC=plan true\nS=x true\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
