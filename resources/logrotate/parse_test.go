package logrotate

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/agent0-converge/agent0-converge/engine"
)

func sorted(names []string) []string {
	out := append([]string{}, names...)
	slices.Sort(out)
	return out
}

// logNames are names of logs that look like something else.
func logNames() []string {
	return []string{"a", "b c", "é", "#x", "a=b", "=", "~", "a%20", "$HOME", "(a)", "a,b", "a;b"}
}

// randomSpec is a block about logs in dir that is right, but for one of its values now and then.
func randomSpec(t *rapid.T, dir string) *Spec {
	words := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	switchOf := func(name string) *bool { return rapid.Ptr(rapid.Bool(), true).Draw(t, name) }
	size := func(name string) string {
		return words(name, "", "0", "1", "100k", "10KiB", "7M", "999999999G", "1GiB")
	}
	script := func(name string) engine.List {
		line := rapid.SampledFrom([]string{"true", "", "  if x; then", "\techo {}", "# endscript", "echo endscript", "/bin/true }", "endscripts", "cat <<E\nx\nE\n"})
		return rapid.SliceOfN(line, 0, 4).Draw(t, name)
	}
	s := &Spec{
		Label: "x", MinSize: size("minsize"), MaxSize: size("maxsize"),
		MaxAge: rapid.Ptr(rapid.IntRange(0, maxDays), true).Draw(t, "maxage"), Keep: rapid.Ptr(rapid.IntRange(-1, 60), true).Draw(t, "keep"),
		Compress: switchOf("compress"), MissingOK: switchOf("missing_ok"), IfEmpty: switchOf("if_empty"), DateExt: switchOf("dateext"),
		SharedScripts: switchOf("sharedscripts"), Su: words("su", "", "root root", "nobody  nogroup", "0 adm", "65534 65534"),
		OldDir: words("olddir", "", "old", dir+"/old"), PreRotate: script("prerotate"), PostRotate: script("postrotate"),
	}
	if s.Compress == nil || *s.Compress {
		s.DelayCompress = switchOf("delaycompress")
	}
	if s.Every = words("every", "", "hourly", "daily", "weekly", "monthly", "yearly"); s.Every == "" {
		s.Size = size("size")
	}
	names := append(logNames(), "x*.log", "[!a]b")
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, 3, rapid.ID).Draw(t, "paths") {
		s.Paths = append(s.Paths, dir+"/"+name)
	}
	if s.CopyTruncate = switchOf("copytruncate"); rapid.Bool().Draw(t, "create") && !on(s.CopyTruncate) {
		s.Create = &Create{Mode: words("mode", "", "0600", "777", "0")}
		if user := strings.Fields(s.Su); len(user) > 0 && s.Create.Mode != "" {
			s.Create.Owner, s.Create.Group = user[0], words("group", "", user[1])
		}
	}
	s.spoil(t, dir)
	return s
}

// badWords are wrong in some places.
func badWords() []string {
	return []string{"{a}", "a\\b", "'a'", "01", "endscript", "nobody", "=x", "+", " "}
}

// spoil makes one value wrong, one time in four.
func (s *Spec) spoil(t *rapid.T, dir string) {
	if rapid.IntRange(0, 3).Draw(t, "spoil") > 0 {
		return
	}
	bad := rapid.SampledFrom(badWords()).Draw(t, "bad")
	to := rapid.SampledFrom([]*string{&s.Size, &s.MinSize, &s.MaxSize, &s.Every, &s.Su, &s.Paths[0]}).Draw(t, "where")
	if *to = bad; to == &s.Paths[0] {
		*to = dir + "/" + bad
	}
	if bad == "endscript" {
		s.PostRotate = append(s.PostRotate, bad)
	}
}

// What is written is read back as it was, with nothing left over.
func TestFormatRoundTrip(t *testing.T) {
	valid := 0
	rapid.Check(t, func(t *rapid.T) {
		s := randomSpec(t, "/logs")
		s.Default()
		if s.Validate() != nil {
			return
		}
		valid++
		got := &Spec{Name: s.Name}
		if stray := got.parse([]byte(s.format())); len(stray) > 0 {
			t.Fatalf("left over: %q\n%s", stray, s.format())
		}
		if d := cmp.Diff(s, got, cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(Spec{})); d != "" {
			t.Fatalf("-written +read\n%s\n%s", d, s.format())
		}
	})
	if valid < 30 {
		t.Errorf("only %d blocks were valid", valid)
	}
}

func TestScan(t *testing.T) {
	const text = `# comment
weekly
rotate=4
compress delaycompress # both
include = /etc/logrotate.d
"/var/log/a b" '/var/log/c'
# /var/log/no
/var/log/d { daily rotate 3 }
  size 1k
	postrotate # x
		echo "}"
	  endscript then more
}
} stray
~/x {
}
prerotate
/never`
	var got []string
	for _, b := range scan([]byte(text)) {
		line := strings.Join(b.paths, "|")
		for _, d := range b.directives {
			line += "; " + d.word + "(" + d.arg + ")" + strings.Join(d.script, "/")
		}
		got = append(got, line)
	}
	want := []string{
		"; weekly()", "; rotate(4)", "; compress()", "; delaycompress()", "; include(/etc/logrotate.d)",
		`/var/log/a b|/var/log/c|/var/log/d; daily(); rotate(3 }); size(1k); postrotate()		echo "}"`,
		"; ()", "~/x", "; ()/never",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

// FuzzParse reads anything without a panic, and reads what it makes of it again as the same.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{wantedSeed, "/a {\n}", "/a{}\n", "\"", "create 1 2 3 4\n", "prerotate\n", "prerotate", "/a {\nprerotate\nendscript\n}", "include /x\ntabooext + a\n", "/{", "~", "a\x00b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := &Spec{Name: "x"}
		stray := s.parse([]byte(text))
		if len(stray) > 0 || s.Validate() != nil {
			return
		}
		again := &Spec{Name: "x"}
		if more := again.parse([]byte(s.format())); len(more) > 0 {
			t.Fatalf("%q is left over of %q", more, s.format())
		}
		if d := cmp.Diff(s, again, cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(Spec{})); d != "" {
			t.Fatalf("%s\n%q\n%q", d, text, s.format())
		}
	})
}

const wantedSeed = "# x\n/var/log/a.log\n{\n daily\n rotate 14\n create 0640 a b\n su a b\n postrotate\ntrue\n endscript\n}\n"
