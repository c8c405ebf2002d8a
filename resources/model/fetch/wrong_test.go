package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// spoilt is content with one byte that is another.
func spoilt(content []byte, at int) []byte {
	b := bytes.Clone(content)
	b[at] ^= 1
	return b
}

func (m *machine) wrongs() []string { return m.names("models/" + wrongPrefix + "*") }

// One source that sent all of it is proven wrong. Its file is kept, the next source is asked.
func TestWrongSource(t *testing.T) {
	content := random(1, 20*testSegment)
	bad := spoilt(content, 5*testSegment)
	for _, noRanges := range []bool{false, true} {
		m := newMachine(t)
		a, b := serve("a", bad), serve("b", content)
		a.noRanges = noRanges
		got, file := m.published(m.small(), wanted(content, a, b))
		same(t, file, content)
		if want := []string{"/models/" + wrongName(fmt.Sprintf("%x", sha256.Sum256(bad)))}; !slices.Equal(m.wrongs(), want) {
			t.Errorf("kept %q, want %q", m.wrongs(), want)
		}
		if got.Source != "b" || got.Got != 2*int64(len(content)) {
			t.Errorf("%d bytes, most from %s", got.Got, got.Source)
		}
		kept, err := os.ReadFile(filepath.Join(m.root, m.wrongs()[0]))
		check(t, err)
		same(t, kept, bad)
		states, err := List(m.host.Files.Tree)
		check(t, err)
		if len(states) != 1 || states[0].Wrong != m.wrongs()[0] || states[0].WrongBytes != int64(len(bad)) || states[0].Path != "" {
			t.Errorf("the host knows of %+v", states)
		}
		check(t, Forget(context.Background(), m.host.Files, states[0].Key))
		if left := append(m.names("models/.*"), m.names("var/lib/agent0-converge/models/*.fetch")...); len(left) > 0 {
			t.Errorf("left %q", left)
		}
	}
}

func TestWrongDigestIsReported(t *testing.T) {
	content := random(1, 20*testSegment)
	bad := spoilt(content, 5*testSegment)
	m := newMachine(t)
	a := serve("a", bad)
	w := wanted(content, a)
	_, err := m.small().Fetch(context.Background(), w)
	var wrong *WrongDigestError
	if !errors.As(err, &wrong) || wrong.Source != "a" || wrong.Got != sha256.Sum256(bad) || wrong.Want != w.SHA256 ||
		len(m.wrongs()) != 1 || wrong.Kept != m.wrongs()[0] || !strings.Contains(err.Error(), wrong.Kept) {
		t.Fatalf("got %v, kept %q", err, m.wrongs())
	}
	if m.names("models/m.gguf") != nil {
		t.Error("it was published")
	}
	// The same version is known to be wrong, and not got again.
	sent := a.sent
	_, err = m.small().Fetch(context.Background(), w)
	if !errors.As(err, &wrong) || wrong.Kept != m.wrongs()[0] || a.sent > sent+testBlock || len(m.wrongs()) != 1 {
		t.Errorf("got %v and %d bytes", err, a.sent-sent)
	}
	// Another version is tried. Of the wrong files the last is kept.
	worse := spoilt(content, 6*testSegment)
	a.content, a.version = worse, "v2"
	if _, err = m.small().Fetch(context.Background(), w); !errors.As(err, &wrong) || wrong.Got != sha256.Sum256(worse) {
		t.Errorf("got %v", err)
	}
	if want := []string{"/models/" + wrongName(fmt.Sprintf("%x", sha256.Sum256(worse)))}; !slices.Equal(m.wrongs(), want) {
		t.Errorf("kept %q, want %q", m.wrongs(), want)
	}
	a.content, a.version = content, "v3"
	_, file := m.published(m.small(), w)
	same(t, file, content)
}

// Bytes of two sources prove nothing about either: each has to send all of it.
func TestMixedFileThatIsWrong(t *testing.T) {
	content := random(1, 20*testSegment)
	for _, c := range []struct {
		name       string
		badA, badB bool
	}{{"the first is wrong", true, false}, {"the second is wrong", false, true}, {"both are", true, true}} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t)
			a, b := serve("a", content), serve("b", content)
			if c.badA {
				a.content = spoilt(content, 100)
			}
			if c.badB {
				b.content = spoilt(content, len(content)-100)
			}
			a.before = func(n int, _, _ int64) error { // it breaks until b is asked
				if n > 5 && b.requests() == 0 {
					return errBroken
				}
				return nil
			}
			got, err := m.small().Fetch(context.Background(), wanted(content, a, b))
			if c.badA && c.badB {
				var wrong *WrongDigestError
				if !errors.As(err, &wrong) || strings.Count(err.Error(), "serves another file") != 2 || len(m.wrongs()) != 1 {
					t.Fatalf("got %v, kept %q", err, m.wrongs())
				}
				return
			}
			check(t, err)
			check(t, got.Publish("/models/m.gguf", host.Attr{Mode: 0o644, UID: -1, GID: -1}, nil))
			file, err := os.ReadFile(filepath.Join(m.root, "models/m.gguf"))
			check(t, err)
			same(t, file, content)
			if want := map[bool]string{true: "b", false: "a"}[c.badA]; got.Source != want {
				t.Errorf("it came from %s, want %s", got.Source, want)
			}
			if len(m.wrongs()) != map[bool]int{true: 1, false: 0}[c.badA] {
				t.Errorf("kept %q", m.wrongs())
			}
		})
	}
}

// An attempt with one source goes on as that after a new start.
func TestPureAttemptIsResumed(t *testing.T) {
	content := random(1, 20*testSegment)
	m := newMachine(t)
	a, b := serve("a", spoilt(content, 100)), serve("b", content)
	stop := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(context.Background())
	alone := 0 // requests of the attempt with a alone
	a.before = func(n int, _, _ int64) error {
		switch asked := b.requests() > 0; {
		case !asked && n > 5:
			return errBroken
		case asked:
			a.mu.Lock()
			defer a.mu.Unlock()
			if alone++; alone == 12 {
				cancel(stop)
			}
		}
		return nil
	}
	if _, err := m.small().Fetch(ctx, wanted(content, a, b)); !errors.Is(err, stop) {
		t.Fatalf("got %v", err)
	}
	bytesOfB := b.sent
	var wrong *WrongDigestError
	got, err := m.small().Fetch(context.Background(), wanted(content, b, a)) // b is the first by now
	check(t, err)
	if errors.As(err, &wrong) || got.Resumed == 0 || len(m.wrongs()) != 1 || b.sent-bytesOfB != int64(len(content)) {
		t.Errorf("resumed %d, kept %q, b sent %d", got.Resumed, m.wrongs(), b.sent-bytesOfB)
	}
	check(t, got.Close())
}

// A stop before every change while a wrong file is set aside leaves nothing that is not known.
func TestStopWhileAWrongFileIsSetAside(t *testing.T) {
	content := random(1, 4*testSegment)
	bad := spoilt(content, 100)
	stopped := errors.New("stopped")
	points := 0
	for n := 1; ; n++ {
		m := newMachine(t)
		s := serve("a", bad)
		w := wanted(content, s)
		count := 0
		m.stop = func(op host.Op) error {
			if strings.Contains(op.Path, "wrong.") || count > 0 {
				count++
			}
			if count >= n {
				return stopped
			}
			return nil
		}
		_, err := m.small().Fetch(context.Background(), w)
		m.stop = nil
		if !errors.Is(err, stopped) {
			break
		}
		points++
		kept := m.wrongs()
		states, err := List(m.host.Files.Tree)
		check(t, err)
		if len(kept) > 0 && (len(states) != 1 || states[0].Wrong != kept[0]) {
			t.Errorf("stopped at %d: %q is kept, and known are %+v", n, kept, states)
		}
		s.content, s.version = content, "v2"
		_, file := m.published(m.small(), w)
		same(t, file, content)
	}
	t.Logf("stopped at %d points", points)
	if points < 5 {
		t.Errorf("only %d points", points)
	}
}
