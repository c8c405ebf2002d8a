package journal

import (
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// What the ledger has after some runs, as a new reader finds it.
func TestLedgerAfterRuns(t *testing.T) {
	below := func(name, content string) engine.Declared {
		return declare("note", name, &note{Path: "/etc/" + name, Content: engine.NewText(content), Parent: true})
	}
	label := func(d engine.Declared, addr engine.Addr) engine.Declared { d.Addr = addr; return d }
	keep := func(d engine.Declared) engine.Declared { d.Keep = true; return d }
	tests := []struct {
		name  string
		files map[string]string
		runs  [][]engine.Declared
		want  string
	}{
		{name: "made", runs: [][]engine.Declared{{text("a", "1")}}, want: "path:/etc/a p/note.a was nothing"},
		{name: "changed", files: map[string]string{"/etc/a": "old"}, runs: [][]engine.Declared{{text("a", "1")}},
			want: "path:/etc/a p/note.a was old"},
		{name: "changed twice", files: map[string]string{"/etc/a": "old"}, runs: [][]engine.Declared{{text("a", "1")}, {text("a", "2")}},
			want: "path:/etc/a p/note.a was old"},
		{name: "adopted", files: map[string]string{"/etc/a": "1"}, runs: [][]engine.Declared{{text("a", "1")}},
			want: "path:/etc/a p/note.a was 1"},
		{name: "adopted, then changed", files: map[string]string{"/etc/a": "1"}, runs: [][]engine.Declared{{text("a", "1")}, {text("a", "2")}},
			want: "path:/etc/a p/note.a was 1"},
		{name: "another label", files: map[string]string{"/etc/a": "old"}, runs: [][]engine.Declared{{text("a", "1")}, {label(text("a", "1"), "note.z")}},
			want: "path:/etc/a p/note.z was old"},
		{name: "dropped", files: map[string]string{"/etc/a": "old"}, runs: [][]engine.Declared{{text("a", "1"), text("b", "1")}, {text("b", "1")}},
			want: "path:/etc/b p/note.b was nothing"},
		{name: "dropped and kept", runs: [][]engine.Declared{{keep(text("a", "1"))}, {}}, want: ""},
		{name: "wanted gone", files: map[string]string{"/etc/a": "old"}, runs: [][]engine.Declared{{gone(text("a", ""))}},
			want: "path:/etc/a p/note.a a was old"},
		{name: "made, then wanted gone", runs: [][]engine.Declared{{text("a", "1")}, {gone(text("a", ""))}},
			want: "path:/etc/a p/note.a a was nothing"},
		{name: "wanted gone, then dropped", files: map[string]string{"/etc/a": "old"}, runs: [][]engine.Declared{{gone(text("a", ""))}, {}}, want: ""},
		{name: "implied and made", runs: [][]engine.Declared{{below("d/a", "1")}},
			want: "path:/etc/d p/folder./etc/d i was nothing\npath:/etc/d/a p/note.d/a was nothing"},
		{name: "implied and there", files: map[string]string{"/etc/d/x": ""}, runs: [][]engine.Declared{{below("d/a", "1")}},
			want: "path:/etc/d/a p/note.d/a was nothing"},
		{name: "implied, then declared", runs: [][]engine.Declared{{below("d/a", "1")}, {below("d/a", "1"), dir("d")}},
			want: "path:/etc/d p/folder.d was nothing\npath:/etc/d/a p/note.d/a was nothing"},
		{name: "declared, then implied", runs: [][]engine.Declared{{below("d/a", "1"), dir("d")}, {below("d/a", "1")}},
			want: "path:/etc/d p/folder./etc/d i was nothing\npath:/etc/d/a p/note.d/a was nothing"},
		{name: "becomes another kind", runs: [][]engine.Declared{{text("a", "1")}, {dir("a")}},
			want: "path:/etc/a p/folder.a was nothing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]hosttest.File{}
			for name, content := range tt.files {
				files[name] = hosttest.File{Content: content}
			}
			r := newRig(t, files)
			for _, ds := range tt.runs {
				r.apply(ds...)
			}
			if got := r.owners(); got != tt.want {
				t.Errorf("ledger:\n%s\nwant:\n%s", got, tt.want)
			}
		})
	}
}
