package crash

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/internal/lab/trace"
)

// script is a trace written by hand, in the directory /r.
type script struct{ events []trace.Event }

func (s *script) add(e trace.Event) {
	e.Index, e.Call, e.Done = len(s.events)+1, string(e.Op), true
	e.Path = "/r" + e.Path
	if e.To != "" {
		e.To = "/r" + e.To
	}
	s.events = append(s.events, e)
}

func at(op trace.Op, path string) trace.Event {
	return trace.Event{Point: trace.Point{Op: op, Path: path}}
}

func (s *script) create(path string, id trace.Node) {
	e := at(trace.OpOpen, path)
	e.Node, e.Created, e.Mode = id, true, typeFile|0o600
	s.add(e)
}

func (s *script) mkdir(path string) {
	e := at(trace.OpMkdir, path)
	e.Mode = typeDir | 0o755
	s.add(e)
}

func (s *script) write(path string, offset int64, data string) {
	e := at(trace.OpWrite, path)
	e.Offset, e.Data = offset, []byte(data)
	s.add(e)
}

func (s *script) rename(from, to string) {
	e := at(trace.OpRename, from)
	e.To = to
	s.add(e)
}

func (s *script) chmod(path string, mode uint32) {
	e := at(trace.OpChmod, path)
	e.Mode = typeFile | mode
	s.add(e)
}

func (s *script) fsync(path string) { s.add(at(trace.OpFsync, path)) }

func dir(entries map[string]*node) *node { return &node{mode: typeDir | 0o755, entries: entries} }

func file(data string) *node { return &node{mode: typeFile | 0o600, data: []byte(data)} }

// text is a tree in one line, as in "a=old d/b=new".
func text(t *Tree) string {
	var words []string
	var walk func(string, *node)
	walk = func(at string, n *node) {
		for _, name := range slices.Sorted(maps.Keys(n.entries)) {
			child, path := n.entries[name], at+name
			switch {
			case child.isDir() && len(child.entries) == 0:
				words = append(words, path+"/")
			case child.isDir():
				walk(path+"/", child)
			default:
				words = append(words, fmt.Sprintf("%s=%s", path, strings.ReplaceAll(string(child.data), "\x00", "0")))
				if child.mode != typeFile|0o600 {
					words[len(words)-1] += fmt.Sprintf("(%o)", child.mode&0o777)
				}
			}
		}
	}
	walk("", t.root)
	return strings.Join(words, " ")
}

// endings are the trees that a cut right after the script may leave, "!" marking reordered ones.
func endings(t *testing.T, base *node, s *script) []string {
	t.Helper()
	m, err := Replay(&Tree{root: base}, "/r", s.events)
	if err != nil {
		t.Fatal(err)
	}
	m.points = []int{len(s.events)}
	var got []string
	for st := range m.States(1, 0) {
		word := text(st.Tree())
		if st.Reordered {
			word += "!"
		}
		got = append(got, word)
	}
	slices.Sort(got)
	return got
}

func TestWhatACutLeaves(t *testing.T) {
	both := file("x")
	linked := dir(map[string]*node{"a": both, "b": both})
	for _, c := range []struct {
		name string
		base *node
		do   func(*script)
		want []string
	}{
		{"a new file, nothing synced", dir(nil), func(s *script) {
			s.create("/a", 1)
			s.write("/a", 0, "new!")
		}, []string{"", "a=", "a=0000", "a=n", "a=n000", "a=ne", "a=ne00", "a=new", "a=new!", "a=new0"}},
		{"fsync keeps no name", dir(nil), func(s *script) {
			s.create("/a", 1)
			s.write("/a", 0, "new!")
			s.fsync("/a")
		}, []string{"", "a=new!"}},
		{"fsync of the directory keeps no content", dir(nil), func(s *script) {
			s.create("/a", 1)
			s.write("/a", 0, "n")
			s.fsync("")
		}, []string{"a=", "a=0", "a=n"}},
		{"all synced", dir(nil), func(s *script) {
			s.create("/a", 1)
			s.write("/a", 0, "new!")
			s.fsync("/a")
			s.fsync("")
		}, []string{"a=new!"}},
		{"a name in a directory that is not kept itself", dir(nil), func(s *script) {
			s.mkdir("/d")
			s.create("/d/a", 1)
			s.fsync("/d")
		}, []string{"", "d/a="}},
		{"replaced", dir(map[string]*node{"a": file("old")}), func(s *script) {
			s.create("/t", 1)
			s.write("/t", 0, "n")
			s.fsync("/t")
			s.rename("/t", "/a")
		}, []string{"a=n", "a=old", "a=old t=n"}},
		{"replaced without fsync", dir(map[string]*node{"a": file("old")}), func(s *script) {
			s.create("/t", 1)
			s.write("/t", 0, "n")
			s.rename("/t", "/a")
			s.fsync("")
		}, []string{"a=", "a=0", "a=n"}},
		{"fsync keeps the mode", dir(nil), func(s *script) {
			s.create("/a", 1)
			s.chmod("/a", 0o644)
			s.fsync("/a")
			s.fsync("")
		}, []string{"a=(644)"}},
		{"fdatasync does not", dir(nil), func(s *script) {
			s.create("/a", 1)
			s.chmod("/a", 0o644)
			s.write("/a", 0, "n")
			s.add(at(trace.OpFdatasync, "/a"))
			s.fsync("")
		}, []string{"a=n", "a=n(644)"}},
		{"two directories are not ordered", dir(map[string]*node{"c": dir(nil), "d": dir(nil)}), func(s *script) {
			s.create("/c/a", 1)
			s.create("/d/b", 2)
		}, []string{"c/ d/", "c/ d/b=!", "c/a= d/", "c/a= d/b="}},
		{"one directory is ordered", dir(nil), func(s *script) {
			s.create("/a", 1)
			s.create("/b", 2)
		}, []string{"", "a=", "a= b="}},
		{"moved, in both places but never in none", dir(map[string]*node{"c": dir(map[string]*node{"a": file("x")}), "d": dir(nil)}), func(s *script) {
			s.rename("/c/a", "/d/b")
		}, []string{"c/ d/b=x", "c/a=x d/", "c/a=x d/b=x"}},
		{"a directory moves as one", dir(map[string]*node{"c": dir(map[string]*node{"a": dir(nil)}), "d": dir(nil)}), func(s *script) {
			s.rename("/c/a", "/d/b")
			s.fsync("/c")
		}, []string{"c/ d/b/"}},
		{"a directory arrives only where it leaves", dir(map[string]*node{"c": dir(map[string]*node{"a": dir(nil)}), "d": dir(nil)}), func(s *script) {
			s.rename("/c/a", "/d/b")
			s.fsync("/d")
		}, []string{"c/ d/b/"}},
		{"a directory moved into what was in it, of which a part is lost", dir(map[string]*node{"q": dir(nil), "x": dir(map[string]*node{"z": dir(nil)})}), func(s *script) {
			s.rename("/x", "/q/x")
			s.rename("/q/x/z", "/z")
			s.rename("/q/x", "/z/x")
			s.fsync("/z")
		}, []string{"q/ x/ z/x/!", "q/ x/z/!", "q/ z/x/", "q/!"}},
		{"renamed to another name of itself", linked, func(s *script) {
			s.rename("/a", "/b")
		}, []string{"a=x b=x"}},
		{"appended twice", dir(map[string]*node{"j": file("0.")}), func(s *script) {
			s.write("/j", 2, "a")
			s.write("/j", 3, "b")
		}, []string{"j=0.", "j=0.0", "j=0.0b", "j=0.a", "j=0.a0", "j=0.ab"}},
		{"syncfs keeps all", dir(map[string]*node{"c": dir(nil)}), func(s *script) {
			s.create("/c/a", 1)
			s.write("/c/a", 0, "x")
			s.chmod("/c/a", 0o640)
			s.add(at(trace.OpSyncfs, ""))
		}, []string{"c/a=x(640)"}},
		{"truncated and written in place", dir(map[string]*node{"a": file("old")}), func(s *script) {
			e := at(trace.OpOpen, "/a")
			e.Truncates = true
			s.add(e)
			s.write("/a", 0, "n")
			s.fsync("/other")
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &script{}
			c.do(s)
			if c.want == nil {
				if _, err := Replay(&Tree{root: c.base}, "/r", s.events); err == nil {
					t.Error("want a file that the model does not know refused")
				}
				s.events = s.events[:len(s.events)-1]
				c.want = []string{"a=", "a=0", "a=n", "a=nld", "a=old"}
			}
			if got := endings(t, c.base, s); !slices.Equal(got, c.want) {
				t.Errorf("want %q\ngot  %q", c.want, got)
			}
		})
	}
}
