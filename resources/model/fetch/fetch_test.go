package fetch

import (
	"testing"
)

func TestOneSource(t *testing.T) {
	content := random(1, 1<<20+12345)
	for _, c := range []struct {
		name        string
		connections int
		change      func(*server, *Want)
	}{
		{"ranges", 4, func(s *server, w *Want) {}},
		{"one connection", 1, func(s *server, w *Want) {}},
		{"no ranges", 4, func(s *server, w *Want) { s.noRanges = true }},
		{"unknown size", 4, func(s *server, w *Want) { w.Size = -1 }},
		{"nobody knows the size", 4, func(s *server, w *Want) { w.Size = 0; s.noRanges, s.noSize = true, true }},

		{"no version", 4, func(s *server, w *Want) { s.version = "" }},
		{"unverified", 4, func(s *server, w *Want) { w.SHA256, w.Unverified = [32]byte{}, true }},
		{"unverified stream", 4, func(s *server, w *Want) {
			w.SHA256, w.Unverified, w.Size, s.noRanges, s.noSize = [32]byte{}, true, 0, true, true
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t)
			s := serve("a", content)
			w := wanted(content, s)
			c.change(s, &w)
			f := m.small()
			f.Connections = c.connections
			got, b := m.published(f, w)
			same(t, b, content)
			if got.Got != int64(len(content)) || got.Resumed != 0 || got.Source != "a" || got.Size != int64(len(content)) {
				t.Errorf("got %d, resumed %d, size %d from %q", got.Got, got.Resumed, got.Size, got.Source)
			}
			if s.most > c.connections || s.active != 0 {
				t.Errorf("%d requests at once, %d still open", s.most, s.active)
			}
			if left := append(m.names("models/.*"), m.names("var/lib/agent0-converge/models/*.fetch")...); len(left) > 0 {
				t.Errorf("left %q", left)
			}
		})
	}
}
