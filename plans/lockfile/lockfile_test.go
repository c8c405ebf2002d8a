package lockfile_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/agent0-converge/agent0-converge/plans"
	"github.com/agent0-converge/agent0-converge/plans/lockfile"
)

const (
	sumA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	sumB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	sumC = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
)

// whole has everything that a lock file may have.
func whole() *lockfile.Lock {
	l := &lockfile.Lock{}
	l.Put(lockfile.Model{Name: "chat", Blob: lockfile.Blob{URL: "https://models.example.com/chat.gguf", SHA256: sumA, Size: 4404019200}})
	l.Put(lockfile.Model{
		Name: "big", File: "big-00001-of-00003.gguf",
		Blob: lockfile.Blob{URL: "https://a.example.com/big-00001-of-00003.gguf?download=true", SHA256: sumA, Size: 1,
			Mirrors: []string{"oci://registry.example.com/models/big:1", "file:///media/usb/big-00001-of-00003.gguf"}},
		Shards: []lockfile.Shard{
			{Name: "big-00002-of-00003.gguf", Blob: lockfile.Blob{URL: "https://a.example.com/big-00002-of-00003.gguf?download=true", SHA256: sumB, Size: 2}},
			{Name: "big-00003-of-00003.gguf", Blob: lockfile.Blob{URL: "https://a.example.com/big-00003-of-00003.gguf?download=true", SHA256: sumC, Size: 3,
				Mirrors: []string{"file:///media/usb/big-00003-of-00003.gguf"}}},
		},
	})
	return l
}

const wholeText = `# Made by agent0-converge models lock. Edit nothing by hand but names.
big = {
  file = "big-00001-of-00003.gguf"
  url  = "https://a.example.com/big-00001-of-00003.gguf?download=true"
  mirrors = [
    "oci://registry.example.com/models/big:1",
    "file:///media/usb/big-00001-of-00003.gguf",
  ]
  sha256 = "` + sumA + `"
  size   = 1
  shards = [
    {
      name   = "big-00002-of-00003.gguf"
      url    = "https://a.example.com/big-00002-of-00003.gguf?download=true"
      sha256 = "` + sumB + `"
      size   = 2
    },
    {
      name    = "big-00003-of-00003.gguf"
      url     = "https://a.example.com/big-00003-of-00003.gguf?download=true"
      mirrors = ["file:///media/usb/big-00003-of-00003.gguf"]
      sha256  = "` + sumC + `"
      size    = 3
    },
  ]
}

chat = {
  url    = "https://models.example.com/chat.gguf"
  sha256 = "` + sumA + `"
  size   = 4404019200
}
`

func TestFormat(t *testing.T) {
	if got := string(whole().Format()); got != wholeText {
		t.Errorf("it is written as\n%s", got)
	}
	if got := string((&lockfile.Lock{}).Format()); strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, "# ") {
		t.Errorf("an empty one is written as %q", got)
	}
}

func TestRead(t *testing.T) {
	for _, text := range []string{wholeText, strings.ReplaceAll(wholeText, "\n", "\r\n"), "\ufeff" + wholeText} {
		got, diags := lockfile.Read([]byte(text), lockfile.Name)
		if diags.HasErrors() || !reflect.DeepEqual(got, whole()) {
			t.Errorf("%.20q is read as %+v, %v", text, got, diags)
		}
	}
}

func TestPutAndFind(t *testing.T) {
	l := whole()
	l.Put(lockfile.Model{Name: "chat", Blob: lockfile.Blob{URL: "file:///new", SHA256: sumB, Size: 9}})
	l.Put(lockfile.Model{Name: "a", Blob: lockfile.Blob{URL: "file:///a", SHA256: sumC, Size: 8}})
	var got []string
	for _, m := range l.Models {
		got = append(got, m.Name+" "+m.URLs()[0])
	}
	want := []string{"a file:///a", "big https://a.example.com/big-00001-of-00003.gguf?download=true", "chat file:///new"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("there are %q", got)
	}
	if m, ok := l.Find("big"); !ok || m.Bytes() != 6 || len(m.URLs()) != 3 {
		t.Errorf("big is %+v, %v", m, ok)
	}
	if m, ok := l.Find("b"); ok {
		t.Errorf("there is a model b: %+v", m)
	}
}

// TestReadRefuses holds that every mistake has its place and says what is wrong.
func TestReadRefuses(t *testing.T) {
	good := `url = "https://e.example/a.gguf", sha256 = "` + sumA + `", size = 5`
	shard := func(s string) string { return "{ file = \"a-1\", " + good + ", shards = [\n" + s + "] }" }
	for entry, want := range map[string]string{
		`{ ` + good + `, sha512 = "x" }`:                                  `m:2,*: Unknown attribute; What is locked of a has file, url, mirrors, sha256, size, shards, and nothing else`,
		"{\n" + strings.ReplaceAll(good, ", ", "\n") + "\nnote = \"x\" }": `m:6,1-5: Unknown attribute`,
		`"x"`: `m:2,5-8: Not an object`,
		`{ url = "https://e.example/a.gguf", size = 5 }`:                                  `Missing attribute; a has no sha256`,
		`{ url = "https://e.example/a.gguf", sha256 = "` + sumA + `" }`:                   `a has no size`,
		`{ sha256 = "` + sumA + `", size = 5 }`:                                           `a has no url`,
		strings.Replace(`{ `+good+` }`, sumA, strings.ToUpper(sumA), 1):                   `Not a SHA-256`,
		strings.Replace(`{ `+good+` }`, sumA, sumA[1:], 1):                                `Not a SHA-256`,
		strings.Replace(`{ `+good+` }`, `"`+sumA+`"`, "7", 1):                             `Not a string`,
		strings.Replace(`{ `+good+` }`, "size = 5", `size = "5"`, 1):                      `Not a size`,
		strings.Replace(`{ `+good+` }`, "size = 5", `size = 5.5`, 1):                      `Not a size`,
		strings.Replace(`{ `+good+` }`, "size = 5", `size = 0`, 1):                        `Not a size`,
		strings.Replace(`{ `+good+` }`, "size = 5", `size = -5`, 1):                       `Not a size`,
		strings.Replace(`{ `+good+` }`, "size = 5", `size = null`, 1):                     `Not a size`,
		strings.Replace(`{ `+good+` }`, "size = 5", `size = 1e30`, 1):                     `Not a size`,
		strings.Replace(`{ `+good+` }`, "https://", "ftp://", 1):                          `none of https://, http://, file:///, oci://`,
		strings.Replace(`{ `+good+` }`, "https://", "https://u:geheim@", 1):               `has a user or a password`,
		strings.Replace(`{ `+good+` }`, "https://e.example", "https:", 1):                 `names no host`,
		strings.Replace(`{ `+good+` }`, "https://e.example/a.gguf", "", 1):                `Not a string`,
		strings.Replace(`{ `+good+` }`, "https://e", "https://%zz", 1):                    `cannot be read`,
		strings.Replace(`{ `+good+` }`, "https://e.example", "file:", 1):                  "",
		strings.Replace(`{ `+good+` }`, "https://e.example", "file://e", 1):               `with three slashes`,
		strings.Replace(`{ `+good+` }`, "https://e.example/a.gguf", "oci://r.example", 1): `names no registry and repository`,
		`{ ` + good + `, mirrors = "https://f.example" }`:                                 `Not a list of URLs`,
		`{ ` + good + `, mirrors = [] }`:                                                  `Not a list of URLs`,
		`{ ` + good + `, mirrors = ["gopher://f.example"] }`:                              `Not a URL of a model`,
		`{ ` + good + `, mirrors = ["https://e.example/a.gguf"] }`:                        `URL given twice`,
		`{ ` + good + `, mirrors = [5] }`:                                                 `Not a string`,
		`{ ` + good + `, file = "../a.gguf" }`:                                            `Not a name of a file`,
		`{ ` + good + `, shards = [{ name = "b", ` + good + ` }] }`:                       `A model with shards has a file`,
		shard(""):                 `Not a list of files`,
		shard(`{ ` + good + ` }`): `m:3,1-*: Missing attribute; shard 2 of a has no name`,
		shard(`{ name = "a-2", ` + good + `, shards = [] }`):                                `Unknown attribute; What is locked of shard 2 of a has name, url, mirrors, sha256, size`,
		shard("{ name = \"a-2\", " + good + " },\n{ name = \"a-2\", " + good + " }"):        `m:4,10-15: Name given twice`,
		shard(`{ name = "a-1", ` + good + ` }`):                                             `Another file of a is called "a-1" too`,
		shard(`"b"`):                                                                        `m:3,1-4: Not an object`,
		shard(`{ name = "a-2", ` + strings.Replace(good, "size = 5", "size = 0", 1) + ` }`): `The size of shard 2 of a`,
		`upper("x")`:            `Not a literal`,
		"{\nurl = 1\nurl = 2 }": `m:4,1-4: Name given twice`,
		"[\n":                   `m:`,
	} {
		text := "b = { " + good + " }\na = " + entry + "\n"
		got, diags := lockfile.Read([]byte(text), "m")
		if want == "" {
			if diags.HasErrors() {
				t.Errorf("%s: %v", entry, diags)
			}
			continue
		}
		if got != nil || !diags.HasErrors() || strings.Contains(diags.Error(), "geheim") {
			t.Errorf("%s: it is read as %+v, %v", entry, got, diags)
			continue
		}
		found := false
		for _, d := range diags {
			if d.Subject == nil || d.Subject.Filename != "m" || d.Subject.Start.Line < 2 {
				t.Errorf("%s: %v has no place", entry, d)
			}
			found = found || matches(d.Error(), want)
		}
		if !found {
			t.Errorf("%s: %q is not in %v", entry, want, diags.Errs())
		}
	}
	if _, diags := lockfile.Read([]byte("model \"a\" {\n}\n"), "m"); !strings.Contains(diags.Error(), "m:1,1-10: Block among values") {
		t.Errorf("a block: %v", diags)
	}
}

// matches looks for the parts of want between the stars, in their order.
func matches(got, want string) bool {
	for _, part := range strings.Split(want, "*") {
		i := strings.Index(got, part)
		if i < 0 {
			return false
		}
		got = got[i+len(part):]
	}
	return true
}

// TestRoundTrip holds that what is written is read as it was, is written the same again, and is what fmt leaves alone.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := locks().Draw(t, "lock")
		text := want.Format()
		got, diags := lockfile.Read(text, "m")
		if diags.HasErrors() || !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v\nis read as\n%+v\n%v\nfrom\n%s", want, got, diags, text)
		}
		if again := got.Format(); string(again) != string(text) {
			t.Fatalf("written again it is\n%s\nand was\n%s", again, text)
		}
		if formatted, diags := plans.Format(text, "m.hcl"); diags.HasErrors() || string(formatted) != string(text) {
			t.Fatalf("fmt makes it\n%s\n%v", formatted, diags)
		}
	})
}

func locks() *rapid.Generator[*lockfile.Lock] {
	return rapid.Custom(func(t *rapid.T) *lockfile.Lock {
		l := &lockfile.Lock{}
		for _, name := range rapid.SliceOfNDistinct(rapid.StringMatching(`[A-Za-z_][A-Za-z0-9_-]{0,12}`).Filter(lockfile.ValidName), 0, 5, rapid.ID).Draw(t, "names") {
			m := lockfile.Model{Name: name, Blob: blobs().Draw(t, "blob")}
			if rapid.Bool().Draw(t, "split") {
				m.File = "m-1"
				for i := range rapid.IntRange(1, 4).Draw(t, "shards") {
					m.Shards = append(m.Shards, lockfile.Shard{Name: fmt.Sprintf("m-%d", i+2), Blob: blobs().Draw(t, "blob")})
				}
			}
			l.Put(m)
		}
		return l
	})
}

func blobs() *rapid.Generator[lockfile.Blob] {
	// What means something in the plan language, in files' names and in URLs.
	urls := rapid.StringMatching(`(https|http|file|oci)://(/|e\.example/)[a-z0-9$%{}"&=?.~+_-]{1,20}`).
		Filter(func(s string) bool { return lockfile.CheckURL(s) == nil })
	return rapid.Custom(func(t *rapid.T) lockfile.Blob {
		all := rapid.SliceOfNDistinct(urls, 1, 3, rapid.ID).Draw(t, "urls")
		b := lockfile.Blob{URL: all[0], SHA256: rapid.StringMatching(`[0-9a-f]{64}`).Draw(t, "sha256"), Size: rapid.Int64Range(1, 1<<62).Draw(t, "size")}
		if len(all) > 1 {
			b.Mirrors = all[1:]
		}
		return b
	})
}

// FuzzRead holds that no text ends the program, and that what is read is written and read the same.
func FuzzRead(f *testing.F) {
	f.Add(wholeText)
	f.Add("a = { url = \"file:///a\", sha256 = \"" + sumA + "\", size = 1, shards = [] }")
	f.Add("a = {}\nb = [{}]\nc = <<E\nE\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, diags := lockfile.Read([]byte(text), "m")
		if diags.HasErrors() {
			return
		}
		again, diags := lockfile.Read(got.Format(), "m")
		if diags.HasErrors() || !reflect.DeepEqual(got, again) {
			t.Fatalf("%+v\nis read again as\n%+v\n%v", got, again, diags)
		}
	})
}
