package unitfile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	text := "\uFEFF# a comment\n" +
		"early=1\r\n" +
		"\n" +
		"[Unit]\n" +
		"  Description =  a  b \t\n" +
		"After=x.target \\\n" +
		"# in between\n" +
		"  y.target \\\n" +
		"\n" +
		"; another\n" +
		"Empty=\n" +
		"nothing here\n" +
		"=no name\n" +
		"[Service]\n" +
		`ExecStart=/bin/sh -c "a \` + "\n" +
		`b"` + "\n" +
		`Environment=P=C:\\` + "\n" +
		"[Unit]\n" +
		"Wants=a=b\n" +
		"Last=one \\"
	want := &File{
		Sections: []Section{
			{"Unit", []Setting{{"Description", "a  b", 5}, {"After", "x.target    y.target", 6}, {"Empty", "", 11}}},
			{"Service", []Setting{{"ExecStart", `/bin/sh -c "a  b"`, 15}, {"Environment", `P=C:\\`, 17}}},
			{"Unit", []Setting{{"Wants", "a=b", 19}, {"Last", "one", 20}}},
		},
		Ignored: []Ignored{{2, "the assignment stands before the first section"}, {12, "there is no = in the line"}, {13, "there is no name before the ="}},
	}
	got, err := Parse([]byte(text))
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"[Unit\n":                           "line 1: the section header [Unit does not end with ]",
		"\n\n[Unit] # why\n":                "line 3: the section header [Unit] # why does not end with ]",
		"[Un\"it]\n":                        "line 1: the section header [Un\"it] has a character that systemd refuses",
		"[Unit]\nA=\xff\n":                  "line 2: the line is not UTF-8",
		"[Unit]\nA=1 \\\n\\\nB\xff\n":       "line 2: the line is not UTF-8",
		"A=" + strings.Repeat("x", 1<<20):   "line 1: the line is longer than 1 MiB",
		"[A]\nA=x\\\n" + xs(1<<20) + "\nB=": "line 3: the line is longer than 1 MiB",
	} {
		if _, err := Parse([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%.30q: %v, not %s", text, err, want)
		}
	}
}

func xs(n int) string { return strings.Repeat("x", n) }

func TestValues(t *testing.T) {
	f, err := Parse([]byte("[Install]\nA=1\nB=x\nA=2\n[Unit]\nA=no\n[Install]\nA=3\nB=\n[Service]\nE=1\nE=\nE=2\n"))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string][]string{"Install.A": {"1", "2", "3"}, "Install.B": nil, "Service.E": {"2"}, "Unit.A": {"no"}, "Unit.B": nil} {
		section, key, _ := strings.Cut(key, ".")
		if diff := cmp.Diff(want, f.Values(section, key)); diff != "" {
			t.Errorf("%s.%s: %s", section, key, diff)
		}
	}
}

func TestFormat(t *testing.T) {
	f := &File{Sections: []Section{
		{"Unit", []Setting{{Key: "Description", Value: "x"}}},
		{"Service", []Setting{{Key: "ExecStart"}, {Key: "ExecStart", Value: `/bin/a\`}, {Key: "A", Value: `b\\`}}},
	}}
	want := "[Unit]\nDescription=x\n\n[Service]\nExecStart=\nExecStart=/bin/a\\ \nA=b\\\\\n"
	if got := string(Format(f)); got != want {
		t.Errorf("it is written as %q", got)
	}
}

// What was parsed is parsed as the same from what Format writes of it.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"[Unit]\nA=b\n", "[A]\nx=\\\ny\\\\\n", "\uFEFF[A]\r\n\rB=1\x00[C]", "[A]\nb=c\\ \nd=e", "\\\n[A]\\\n]\n=", "[]\n[ ]\n;\n#\\\n", "\\\n#a=b\n[x]=1]",
		"[A]\n\\\n \\\n=\\", "[A]\nk = \\\n# no\n\tv\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		first, err := Parse(b)
		if err != nil {
			return
		}
		text := Format(first)
		second, err := Parse(text)
		if err != nil {
			t.Fatalf("%q was written as %q: %v", b, text, err)
		}
		if len(second.Ignored) > 0 {
			t.Errorf("%q was written as %q: %v is ignored", b, text, second.Ignored)
		}
		if diff := cmp.Diff(plain(first), plain(second)); diff != "" {
			t.Errorf("%q was written as %q:\n%s", b, text, diff)
		}
	})
}

// plain is a file without its line numbers.
func plain(f *File) []Section {
	var out []Section
	for _, s := range f.Sections {
		c := Section{Name: s.Name}
		for _, set := range s.Settings {
			c.Settings = append(c.Settings, Setting{Key: set.Key, Value: set.Value})
		}
		out = append(out, c)
	}
	return out
}
