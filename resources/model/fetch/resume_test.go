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
	check(t, got.Publish("/models/new/m.gguf", host.Attr{Mode: 0o644, UID: -1, GID: -1}, nil))
	b, err := os.ReadFile(filepath.Join(m.root, "models/new/m.gguf"))
	check(t, err)
	same(t, b, content)
	if left := m.names("models/.*"); left != nil {
		t.Errorf("left %q", left)
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
