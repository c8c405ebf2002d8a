package fetch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// flaky is a source that breaks after some bytes each time, and then is as its errors say, one for each time.
type flaky struct {
	content string
	ranges  bool
	each    int // bytes for each time that it is opened
	errs    []error
}

func (f *flaky) String() string { return "a flaky registry" }

func (f *flaky) Open(_ context.Context, off, _ int64, _ string) (*Body, error) {
	if len(f.errs) > 0 {
		err := f.errs[0]
		f.errs = f.errs[1:]
		if err != nil {
			return nil, err
		}
	}
	if !f.ranges {
		off = 0
	}
	r := io.Reader(strings.NewReader(f.content[off:]))
	if f.each > 0 {
		r = io.MultiReader(io.LimitReader(r, int64(f.each)), iotest.ErrReader(io.ErrUnexpectedEOF))
	}
	return &Body{ReadCloser: io.NopCloser(r), Offset: off, Size: int64(len(f.content)), Version: "v", Ranges: f.ranges}, nil
}

func TestWhole(t *testing.T) {
	content := strings.Repeat("0123456789", 100)
	broke := errors.New("it broke")
	busy := &BusyError{Source: "x", After: time.Minute}
	for name, c := range map[string]struct {
		source *flaky
		want   error
	}{
		"at once":                        {&flaky{content: content}, nil},
		"in many pieces":                 {&flaky{content: content, ranges: true, each: 7}, nil},
		"without ranges":                 {&flaky{content: content, each: 7}, io.ErrUnexpectedEOF},
		"after some failures":            {&flaky{content: content, errs: []error{broke, broke, busy, broke, nil}}, nil},
		"never":                          {&flaky{content: content, errs: []error{broke, broke, broke, broke, broke, nil}}, broke},
		"refused":                        {&flaky{content: content, errs: []error{&RefusedError{Source: "x"}}}, &RefusedError{}},
		"busy for longer than one waits": {&flaky{content: content, errs: []error{&BusyError{Source: "x", After: time.Hour}}}, &BusyError{}},
	} {
		var waited []time.Duration
		s := NewWhole(t.Context(), c.source, Pace{}, nil)
		s.sleep = func(_ context.Context, wait time.Duration) error {
			waited = append(waited, wait)
			return nil
		}
		got, err := io.ReadAll(s)
		if c.want == nil {
			if err != nil || string(got) != content {
				t.Errorf("%s: %d bytes, %v", name, len(got), err)
			}
			if want := []time.Duration{time.Second, 2 * time.Second, time.Minute, 8 * time.Second}; name == "after some failures" && !slices.Equal(waited, want) {
				t.Errorf("it waited %v, not %v", waited, want)
			}
			continue
		}
		if err == nil || !errors.Is(err, c.want) && !sameType(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.HasPrefix([]byte(content), got) {
			t.Errorf("%s: it read something else", name)
		}
	}
}

func sameType(err, want error) bool {
	_, refused := errors.AsType[*RefusedError](err)
	_, wantRefused := want.(*RefusedError)
	_, busy := errors.AsType[*BusyError](err)
	_, wantBusy := want.(*BusyError)
	return refused && wantRefused || busy && wantBusy
}

func TestSleepEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("nobody wants it any more")
	cancel(why)
	if err := sleep(ctx, time.Hour); !errors.Is(err, why) {
		t.Error(err)
	}
}
