package fetch

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

var errStop = errors.New("the test ends it")

// interrupted fetches until a source was asked n times.
func (m *machine) interrupted(f *Fetcher, w Want, s *server, n int) {
	m.Helper()
	ctx, cancel := context.WithCancelCause(context.Background())
	s.before = func(request int, _, _ int64) error {
		if request == n {
			m.waitForCheckpoint()
			cancel(errStop)
		}
		return nil
	}
	if _, err := f.Fetch(ctx, w); !errors.Is(err, errStop) {
		m.Fatalf("got %v", err)
	}
	s.before = nil
}

func (m *machine) waitForCheckpoint() {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); runtime.Gosched() {
		m.mu.Lock()
		seen := slices.ContainsFunc(m.ops, func(op host.Op) bool { return op.Name == "fsync" && strings.HasSuffix(op.Path, suffix) })
		m.mu.Unlock()
		if seen {
			return
		}
	}
	m.Error("no checkpoint within a minute")
}

func (m *machine) partial() string {
	m.Helper()
	all := m.names("models/" + partialPrefix + "*")
	if len(all) != 1 {
		m.Fatalf("partial files: %q", all)
	}
	return filepath.Join(m.root, all[0])
}

func (m *machine) journal() string {
	m.Helper()
	all := m.names("var/lib/agent0-converge/models/*.fetch")
	if len(all) != 1 {
		m.Fatalf("journals: %q", all)
	}
	return filepath.Join(m.root, all[0])
}

func TestResume(t *testing.T) {
	content := random(1, 40*testSegment)
	for _, connections := range []int{1, 4} {
		m := newMachine(t)
		s := serve("a", content)
		f := m.small()
		f.Connections = connections
		if connections == 1 {
			s.breaks = func(int) int { return testSegment + 1000 }
		}
		w := wanted(content, s)
		m.interrupted(f, w, s, 20)
		sent := s.sent
		state, err := Status(m.host.Files.Tree, w)
		check(t, err)
		if state.Size != int64(len(content)) || state.Have > sent || state.Have < sent-4*testBlock || "/"+strings.TrimPrefix(state.Path, "/") != strings.TrimPrefix(m.partial(), m.root) {
			t.Errorf("%+v after %d bytes were sent", state, sent)
		}
		info, err := os.Stat(m.partial())
		check(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("others may read it: %v", info.Mode())
		}
		got, b := m.published(f, w)
		same(t, b, content)
		if got.Resumed != state.Have || got.Got+got.Resumed != int64(len(content)) {
			t.Errorf("resumed %d, got %d of %d", got.Resumed, got.Got, len(content))
		}
	}
}

// Without ranges a broken stream comes again from its beginning; what is here is passed over, and kept.
func TestResumeWithoutRanges(t *testing.T) {
	content := random(1, 40*testSegment)
	m := newMachine(t)
	s := serve("a", content)
	s.noRanges = true
	w := wanted(content, s)
	s.breaks = func(n int) int { return n * 5 * testSegment }
	got, b := m.published(m.small(), w)
	same(t, b, content)
	if s.requests() != 8 || got.Got != s.sent {
		t.Errorf("%d requests, %d bytes of %d", s.requests(), got.Got, s.sent)
	}
}

func TestCompleteFileIsNotFetchedAgain(t *testing.T) {
	content := random(1, 40*testSegment)
	m := newMachine(t)
	s := serve("a", content)
	w := wanted(content, s)
	got, err := m.small().Fetch(context.Background(), w)
	check(t, err)
	check(t, got.Close())
	asked := s.requests()
	got, b := m.published(m.small(), w)
	same(t, b, content)
	if s.requests() != asked || got.Got != 0 || got.Resumed != int64(len(content)) || got.Source != "" {
		t.Errorf("%d requests more, got %d, resumed %d", s.requests()-asked, got.Got, got.Resumed)
	}
}

// Once the folder is there the file goes on where it was begun.
func TestFolderThatWasMadeMeanwhile(t *testing.T) {
	content := random(1, 40*testSegment)
	m := newMachine(t)
	s := serve("a", content)
	w := wanted(content, s)
	m.interrupted(m.small(), w, s, 20)
	check(t, os.Mkdir(filepath.Join(m.root, "models/new"), 0o755))
	w.Dir = "/models/new"
	got, err := m.small().Fetch(context.Background(), w)
	check(t, err)
	if got.Resumed == 0 || filepath.Dir(got.Partial.Path()) != "/models" {
		t.Errorf("resumed %d in %s", got.Resumed, got.Partial.Path())
	}
	check(t, got.Publish("/models/new/m.gguf", host.Attr{Mode: 0o644, UID: -1, GID: -1}))
	b, err := os.ReadFile(filepath.Join(m.root, "models/new/m.gguf"))
	check(t, err)
	same(t, b, content)
	if left := m.names("models/.*"); left != nil {
		t.Errorf("left %q", left)
	}
}

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

// Two runs that want the same file: the second waits and finds it complete, or goes on.
func TestTwoRunsFetchOneFile(t *testing.T) {
	content := random(1, 20*testSegment)
	for _, completes := range []bool{true, false} {
		m := newMachine(t)
		other := openMachine(t, m.root)
		s := serve("a", content)
		w := wanted(content, s)
		waiting := make(chan struct{})
		var once sync.Once
		ctx, cancel := context.WithCancelCause(context.Background())
		s.before = func(n int, _, _ int64) error {
			if n == 10 {
				<-waiting
				if !completes {
					cancel(errStop)
				}
			}
			return nil
		}
		first := make(chan error)
		go func() {
			got, err := m.small().Fetch(ctx, w)
			if err == nil {
				err = got.Close()
			}
			first <- err
		}()
		for s.requests() < 10 {
			runtime.Gosched()
		}
		f := other.small()
		f.sleep = sleep
		var notes []string
		f.Tell = func(p Progress) {
			if p.Note == "another run is fetching it" {
				once.Do(func() { close(waiting) })
			}
			notes = append(notes, p.Note)
		}
		w2 := w
		w2.Dir = "/" // it would lie elsewhere, were it not begun already
		got, b := other.published(f, w2)
		same(t, b, content)
		if err := <-first; completes != (err == nil) || !completes && !errors.Is(err, errStop) {
			t.Errorf("the first: %v", err)
		}
		if got.Resumed == 0 || (got.Resumed == int64(len(content))) != completes || got.Got+got.Resumed != int64(len(content)) {
			t.Errorf("the second resumed %d and got %d of %d", got.Resumed, got.Got, len(content))
		}
	}
}

func TestWaitingForAnotherRunEndsWithTheContext(t *testing.T) {
	content := random(1, testSegment)
	m := newMachine(t)
	w := wanted(content, serve("a", content))
	got, err := m.small().Fetch(context.Background(), w)
	check(t, err)
	ctx, cancel := context.WithCancelCause(context.Background())
	f := m.small()
	tries := 0
	f.sleep = func(ctx context.Context, d time.Duration) error {
		if tries++; tries == 10 {
			cancel(errStop)
		}
		return context.Cause(ctx)
	}
	if _, err := f.Fetch(ctx, w); !errors.Is(err, errStop) {
		t.Errorf("got %v", err)
	}
	var locked *host.LockedError
	if err := Forget(context.Background(), m.host.Files, keyOf(w)); !errors.As(err, &locked) {
		t.Errorf("what is being fetched was forgotten: %v", err)
	}
	check(t, got.Close())
	check(t, Forget(context.Background(), m.host.Files, keyOf(w)))
	if left := append(m.names("models/.*"), m.names("var/lib/agent0-converge/models/*.fetch")...); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}

// The end of the context ends all that was begun, and keeps what came.
func TestEndOfTheContext(t *testing.T) {
	content := random(1, 40*testSegment)
	before := runtime.NumGoroutine()
	for n := 1; n <= 40; n += 3 {
		m := newMachine(t)
		s := serve("a", content)
		s.hangs = func(request int) int {
			if request == n {
				return 1000
			}
			return -1
		}
		ctx, cancel := context.WithCancelCause(context.Background())
		w := wanted(content, s)
		f := m.small()
		done := make(chan error)
		go func() {
			_, err := f.Fetch(ctx, w)
			done <- err
		}()
		for s.requests() < n {
			runtime.Gosched()
		}
		cancel(errStop)
		if err := <-done; !errors.Is(err, errStop) {
			t.Fatalf("got %v", err)
		}
		if s.active != 0 {
			t.Errorf("%d requests are still open", s.active)
		}
		s.hangs = nil
		had, err := Status(m.host.Files.Tree, w)
		check(t, err)
		got, b := m.published(m.small(), w)
		same(t, b, content)
		if got.Resumed != had.Have {
			t.Errorf("resumed %d of %d", got.Resumed, had.Have)
		}
	}
	for runtime.NumGoroutine() > before {
		runtime.Gosched()
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

func TestStatusOfWhatIsNotThere(t *testing.T) {
	m := newMachine(t)
	content := random(1, 1000)
	w := wanted(content, serve("a", content))
	state, err := Status(m.host.Files.Tree, w)
	check(t, err)
	if state.Have != 0 || state.Path != "" || state.Size != -1 || state.SHA256 != w.SHA256 {
		t.Errorf("%+v", state)
	}
	all, err := List(m.host.Files.Tree)
	check(t, err)
	if len(all) > 0 {
		t.Errorf("%+v", all)
	}
	_, err = os.Stat(filepath.Join(m.root, "var"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("looking made something: %v", err)
	}
}
