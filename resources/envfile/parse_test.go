package envfile

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/agent0-converge/agent0-converge/engine"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"A=1", "A=1"},
		{"A=1\nB=2\n", "A=1|B=2"},
		{"A=1\r\nB=\"2\"\r\n\r\n# c\r\n", "A=1|B=2"},
		{"\n \t\n# a comment\n  A=1", "A=1"},
		{"export A=1\nexport  B='2'", "A=1|B=2"},
		{"A=\nB=''\nC=\"\"", "A=|B=|C="},
		{"A=a=b,c:d/e@f%g+h!i{j}*k#l", "A=a=b,c:d/e@f%g+h!i{j}*k#l"},
		{`A='a "b" $c \d'`, `A=a "b" $c \d`},
		{`A="a \"b\" \$c \\d \` + "`" + `e 'f'"`, `A=a "b" $c \d ` + "`" + `e 'f'`},
		{"A='two\nlines'\nB=1", "A=two\nlines|B=1"},
		{"A=\"one \\\nline\"\nB=1", "A=one line|B=1"},
		{"A='x' \t\nB=1", "A=x|B=1"},
		{"A=schön", "A=schön"},
		// What readers would read differently.
		{"A=1\nB=a b", "line 2: a shell ends the value at the blank"},
		{"A=1 ", "line 1: a shell ends the value at the blank"},
		{"A= 1", "line 1: a shell ends the value at the blank"},
		{"A=#1", "line 1: some take the value for a comment"},
		{"A=~/x", "home directory"},
		{"PATH=/bin:~/x", "home directory"},
		{"A=$B", `line 1: '$' has a meaning to a shell`},
		{"A=a;b", "has a meaning to a shell"},
		{"A=a\\b", "has a meaning to a shell"},
		{"A=http://x/?a=b&c=d", "put the value in single quotes"},
		{`A=a"b"`, "has a meaning to a shell"},
		{`A="$B"`, `line 1: a shell fills in '$'`},
		{"A=\"x\n`id`\"", "line 2: a shell fills in '`'"},
		{`A="a\nb"`, "some drop the backslash"},
		{`A="a\`, "some drop the backslash"},
		{`A="x" # why`, "more after the closing quote"},
		{`A='x'y`, "more after the closing quote"},
		{"A='x\ny'z", "line 2: there is more after the closing quote"},
		{"A='x", "line 1: the quote is not closed"},
		{"B=1\nA=\"x\nC=1", "line 2: the quote is not closed"},
		{"A=\"x\r\ny\"", "ends in CR LF"},
		{"# a \\\nA=1", "line 1: the comment ends in a backslash"},
		// What is no line of a file of variables.
		{"A=1\nA=2", "line 2: A was set on line 1 already"},
		{"A =1", "there is a blank between A and ="},
		{"1A=1", "is not a name"},
		{"a-b=1", "is not a name"},
		{"=1", "is not a name"},
		{"; A=1", "is not a name"},
		{"A", "neither KEY=value nor a comment"},
		{"export A", "neither KEY=value nor a comment"},
		{"A=1\nB=\x00", "line 2: it has the control character U+0000"},
		{"A=1\rB=2", "control character U+000D"},
		{"A='\x1b'", "control character U+001B"},
		{"\n\nA=\xff", "line 3: it is not UTF-8"},
		{"\xef\xbb\xbfA=1", "byte order mark"},
	} {
		var got string
		pairs, err := parse([]byte(c.in))
		for i, p := range pairs {
			if got += p.key + "=" + p.value; i < len(pairs)-1 {
				got += "|"
			}
		}
		if err != nil {
			got = err.Error()
		}
		if err == nil && got != c.want || err != nil && (c.want == "" || !strings.Contains(got, c.want)) {
			t.Errorf("%q: %q, want %q", c.in, got, c.want)
		}
	}
}

// An error must not show what stands where a secret may.
func TestErrorsShowNoValue(t *testing.T) {
	for _, in := range []string{"A=can ary", "canary", "canary!=1", "A='canary", `A="canary$"`, "A='x'canary", "A=canary;", "A=canary\x01"} {
		if _, err := parse([]byte(in)); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v", in, err)
		}
	}
}

// values draws variables of every kind of character that may be in one.
func values(t *rapid.T) map[string]string {
	return rapid.MapOf(
		rapid.StringMatching(`K_[A-Za-z0-9_]{0,6}`),
		rapid.StringOf(rapid.OneOf(rapid.RuneFrom([]rune("\t\n \"'\\$`#;=~!&|<>(){}*?[]ab é")), rapid.Rune().Filter(func(r rune) bool { return !badRune(r) }))),
	).Draw(t, "values")
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := values(t)
		b := format(texts(want))
		pairs, err := parse([]byte(b))
		if err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		if d := cmp.Diff(want, asMap(pairs)); d != "" {
			t.Fatalf("our parser reads %q differently: %s", b, d)
		}
		if d := cmp.Diff(want, systemd(b)); d != "" {
			t.Fatalf("systemd reads %q differently: %s", b, d)
		}
	})
}

// A shell that sources what is written has the same values.
func TestShellsReadIt(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh")
	}
	file := filepath.Join(t.TempDir(), "env")
	rapid.Check(t, func(t *rapid.T) {
		want := values(t)
		if err := os.WriteFile(file, []byte(format(texts(want))), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(sh, "-c", `set -a; . "$1"; env -0`, "sh", file)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for v := range strings.SplitSeq(string(out), "\x00") {
			if key, value, ok := strings.Cut(v, "="); ok && strings.HasPrefix(key, "K_") {
				got[key] = value
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("sh reads it differently: %s", d)
		}
	})
}

func texts(values map[string]string) map[string]engine.Text {
	out := map[string]engine.Text{}
	for key, value := range values {
		out[key] = *engine.NewSecret(value)
	}
	return out
}

func asMap(pairs []pair) map[string]string {
	out := map[string]string{}
	for _, p := range pairs {
		out[p.key] = p.value
	}
	return out
}

// FuzzParse proves that whatever the parser accepts, systemd reads alike, and that it survives
// being written again.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"A=1\n", "export A='x y'\r\n# c\n", "A=\"a\\\"b\\\nc\"\nB=", "A='\n'", " A=\"\\$\" \t\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		pairs, err := parse(b)
		if err != nil {
			return
		}
		want := asMap(pairs)
		got := map[string]string{}
		for key, value := range systemd(string(b)) {
			got[strings.TrimLeft(strings.TrimPrefix(key, "export "), " \t")] = value
		}
		if !maps.Equal(want, got) {
			t.Fatalf("systemd reads %q differently: %s", b, cmp.Diff(want, got))
		}
		again, err := parse([]byte(format(texts(want))))
		if err != nil || !maps.Equal(want, asMap(again)) {
			t.Fatalf("%q is not read back: %v, %v", b, again, err)
		}
	})
}
