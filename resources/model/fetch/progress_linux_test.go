package fetch

import (
	"context"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestProgress(t *testing.T) {
	content := random(1, 20*testSegment)
	m := newMachine(t)
	s := serve("a", content)
	told := make(chan struct{}, 100)
	s.before = func(n int, _, _ int64) error {
		if n == 10 { // it waits until somebody was told how far it is
			for range 3 {
				<-told
			}
		}
		return nil
	}
	w := wanted(content, s)
	w.Size = 0
	f := m.small()
	var all []Progress
	var at []time.Time
	f.Tell = func(p Progress) {
		all = append(all, p)
		at = append(at, time.Now())
		told <- struct{}{}
	}
	got, err := f.Fetch(context.Background(), w)
	check(t, err)
	defer got.Close()
	last := all[len(all)-1]
	if last.Done != int64(len(content)) || last.Size != last.Done || last.Source != "a" || last.Note != "" {
		t.Errorf("at the end %+v", last)
	}
	if !slices.IsSortedFunc(all, func(a, b Progress) int { return int(a.Done - b.Done) }) || all[1].Done == 0 || all[1].Size != int64(len(content)) {
		t.Errorf("told was %+v", all)
	}
	// The tick that was late is followed by one in time: over several the rate holds.
	if n := len(at) - 1; n > 2 && at[n-1].Sub(at[0]) < time.Duration(n-2)*interval {
		t.Errorf("told %d times within %s", n, at[n-1].Sub(at[0]))
	}
}

func TestNoteSaysWhatIsWaitedFor(t *testing.T) {
	m := newMachine(t)
	s := serve("a", nil)
	s.before = always(&BusyError{"a", "503 Service Unavailable", 20 * time.Second})
	f := m.small()
	notes := make(chan string, 1000)
	f.Tell = func(p Progress) { notes <- p.Note }
	f.sleep = func(ctx context.Context, d time.Duration) error {
		if d != 20*time.Second {
			t.Errorf("it waits %s", d)
		}
		for note := range notes {
			if note != "" {
				if want := "waiting 20s for a: 503 Service Unavailable"; !strings.HasPrefix(note, want) {
					t.Errorf("told was %q", note)
				}
				return errStop
			}
		}
		return nil
	}
	f.jitter = func() float64 { return 0 }
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, err := f.Fetch(ctx, wanted(random(1, 10), s))
	var failed *FailedError
	if !errors.As(err, &failed) {
		t.Errorf("got %v", err)
	}
}

func TestRate(t *testing.T) {
	var r rate
	now := time.Unix(1e9, 0)
	got := int64(0)
	for range 200 { // 10 MB/s, unevenly
		got += 1e6
		now = now.Add(100 * time.Millisecond)
		r.of(got, now)
		now = now.Add(100 * time.Millisecond)
		got += 1e6
	}
	if v := r.of(got, now); math.Abs(v-1e7) > 1e6 {
		t.Errorf("%v bytes a second", v)
	}
	for range 100 { // nothing more comes
		now = now.Add(interval)
		r.of(got, now)
	}
	if v := r.of(got, now); v > 1e4 {
		t.Errorf("%v bytes a second of nothing", v)
	}
	if v := r.of(got+1, now); v < 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		t.Errorf("%v bytes a second at once", v)
	}
}

// A large file takes no more memory than a small one: what the process has of its own is read from the kernel.
func TestMemory(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector takes memory of its own")
	}
	const size = 1 << 30
	m := newFastMachine(t)
	s := &generated{size: size}
	h := s.sum()
	w := Want{SHA256: h, Size: size, Sources: []Source{s}, Dir: "/models"}
	before := anonymous(t)
	most := before
	f := &Fetcher{Host: m.host, Tell: func(Progress) { most = max(most, anonymous(t)) }}
	got, err := f.Fetch(context.Background(), w)
	check(t, err)
	defer got.Close()
	most = max(most, anonymous(t))
	t.Logf("%d MiB before, %d MiB at most", before>>20, most>>20)
	if most-before > 64<<20 {
		t.Errorf("it took %d MiB", (most-before)>>20)
	}
	check(t, os.RemoveAll(m.root+"/models"))
}
