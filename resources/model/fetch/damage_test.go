package fetch

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// What the disk lost is found and fetched again, and nothing else.
func TestPowerCut(t *testing.T) {
	content := random(1, 40*testSegment)
	m := newMachine(t)
	s := serve("a", content)
	s.breaks = func(int) int { return testSegment + 1000 }
	w := wanted(content, s)
	f := m.small()
	f.Connections = 1
	m.interrupted(f, w, s, 30)
	p, err := readPast(m.host.Files.Tree, journalPath(keyOf(w)))
	check(t, err)
	if p.last.off == 0 || len(p.marks) == 0 {
		t.Fatalf("a checkpoint at %d and %d marks", p.last.off, len(p.marks))
	}
	lost := span{p.last.off + 100, p.last.off + 200}
	file, err := os.OpenFile(m.partial(), os.O_RDWR, 0)
	check(t, err)
	_, err = file.WriteAt(make([]byte, lost.size()), lost.from)
	check(t, err)
	check(t, file.Close())
	had, _ := Status(m.host.Files.Tree, w)
	got, b := m.published(m.small(), w)
	same(t, b, content)
	if got.Resumed >= had.Have || got.Resumed < p.last.off {
		t.Errorf("resumed %d of %d, durable were %d", got.Resumed, had.Have, p.last.off)
	}
}

// Not even what was promised to be durable is believed where it shows to be untrue.
func TestDiskThatLies(t *testing.T) {
	content := random(1, 40*testSegment)
	for _, size := range []int64{0, testSegment / 2} { // cut off, or all zeros but for so much
		m := newMachine(t)
		s := serve("a", content)
		w := wanted(content, s)
		m.interrupted(m.small(), w, s, 30)
		check(t, os.Truncate(m.partial(), size))
		if size > 0 {
			check(t, os.Truncate(m.partial(), int64(len(content))))
		}
		_, b := m.published(m.small(), w)
		same(t, b, content)
	}
}

func TestAnotherFileInThePartialsPlace(t *testing.T) {
	content := random(1, 10*testSegment)
	for name, trap := range map[string]func(string) error{
		"a copy": func(p string) error {
			b, err := os.ReadFile(p)
			return errors.Join(err, os.WriteFile(p+".x", b, 0o600), os.Rename(p+".x", p))
		},
		"a link":   func(p string) error { return errors.Join(os.Rename(p, p+".x"), os.Symlink(p+".x", p)) },
		"a folder": func(p string) error { return errors.Join(os.Remove(p), os.Mkdir(p, 0o700)) },
		"gone":     os.Remove,
		"linked":   func(p string) error { return os.Link(p, p+".x") },
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			s := serve("a", content)
			w := wanted(content, s)
			m.interrupted(m.small(), w, s, 8)
			check(t, trap(m.partial()))
			got, b := m.published(m.small(), w)
			same(t, b, content)
			if got.Resumed != 0 {
				t.Errorf("resumed %d", got.Resumed)
			}
		})
	}
}

// A hasher of another version of Go may not know the state that this one kept.
func TestStateOfAnUnknownHasher(t *testing.T) {
	content := random(1, 40*testSegment)
	m := newMachine(t)
	s := serve("a", content)
	w := wanted(content, s)
	m.interrupted(m.small(), w, s, 30)
	p, err := readPast(m.host.Files.Tree, journalPath(keyOf(w)))
	check(t, err)
	for _, state := range append([]mark{p.before, p.last}, p.marks...) {
		copy(state.state, "new!")
	}
	check(t, os.WriteFile(m.journal(), p.encode(), 0o600))
	got, b := m.published(m.small(), w)
	same(t, b, content)
	if got.Resumed < p.last.off || got.Got > int64(len(content))-p.last.off {
		t.Errorf("resumed %d, got %d, durable were %d", got.Resumed, got.Got, p.last.off)
	}
}

// Every byte of a journal is damaged, and it is cut off at every byte: the file is right all the same.
func TestDamagedJournal(t *testing.T) {
	content := random(1, 24<<10)
	m := newFastMachine(t)
	s := serve("a", content)
	w := wanted(content, s)
	f := m.small()
	f.Segment, f.Block = 4<<10, 2<<10
	m.interrupted(f, w, s, 5)
	name, partial := m.journal(), m.partial()
	journal, err := os.ReadFile(name)
	check(t, err)
	had, err := os.ReadFile(partial)
	check(t, err)
	damaged, found := 0, 0
	for i := range journal {
		for _, bad := range [][]byte{spoilt(journal, i), journal[:i]} {
			damaged++
			check(t, os.WriteFile(name, bad, 0o600))
			check(t, os.WriteFile(partial, had, 0o600)) // the same inode
			got, err := f.Fetch(context.Background(), w)
			check(t, err)
			b, err := os.ReadFile(partial)
			check(t, err)
			same(t, b, content)
			if got.SHA256 == w.SHA256 {
				found++
			}
			check(t, got.Close())
		}
	}
	t.Logf("%d bytes: %d damages, right in the end %d", len(journal), damaged, found)
	if damaged != 2*len(journal) || found != damaged || len(journal) < 500 {
		t.Errorf("%d of %d", found, damaged)
	}
}

// A checkpoint is written after the bytes that it tells of are durable, and is durable itself.
func TestCheckpointsAreTrue(t *testing.T) {
	content := random(1, 40*testSegment)
	m := newMachine(t)
	s := serve("a", content)
	w := wanted(content, s)
	got, err := m.small().Fetch(context.Background(), w)
	check(t, err)
	defer got.Close()
	synced, checkpoints := 0, 0
	for _, op := range m.ops {
		switch {
		case op.Name == "fdatasync" && strings.Contains(op.Path, partialPrefix):
			synced++
		case op.Name == "fsync" && strings.HasSuffix(op.Path, suffix):
			if checkpoints++; checkpoints > synced {
				t.Fatalf("checkpoint %d was made durable before its bytes", checkpoints)
			}
		}
	}
	if checkpoints == 0 {
		t.Error("no checkpoints")
	}
	p, err := readPast(m.host.Files.Tree, journalPath(keyOf(w)))
	check(t, err)
	if p.last.off == 0 || p.last.off%testBlock != 0 && p.last.off != int64(len(content)) {
		t.Errorf("the last checkpoint is at %d", p.last.off)
	}
}

func TestFailingDisk(t *testing.T) {
	content := random(1, 20*testSegment)
	broken := errors.New("input/output error")
	for _, what := range []string{"write /models", "fdatasync /models", "write /var/lib", "fsync /var/lib", "fallocate /models"} {
		m := newMachine(t)
		s := serve("a", content)
		w := wanted(content, s)
		count, fired := 0, false
		m.stop = func(op host.Op) error {
			if strings.HasPrefix(op.String(), what) && !strings.HasSuffix(op.Path, ".lock") {
				if count++; count >= 3 || !strings.HasPrefix(what, "write") {
					fired = true
					return broken
				}
			}
			return nil
		}
		_, err := m.small().Fetch(context.Background(), w)
		if !errors.Is(err, broken) || !fired {
			t.Errorf("%s: %v", what, err)
		}
		var failed *FailedError
		if errors.As(err, &failed) {
			t.Errorf("%s: a source is blamed: %v", what, err)
		}
		m.stop = nil
		_, b := m.published(m.small(), w)
		same(t, b, content)
	}
}
