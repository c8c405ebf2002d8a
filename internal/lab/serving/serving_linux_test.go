package serving_test

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
)

// A front is ready, ends when told to, and another one under the same socket is ready again.
func TestServer(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	p, err := serving.Build(t.TempDir())
	if errors.Is(err, serving.ErrCannotBuild) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := serving.Start(p, t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 2 {
		h, err := s.Ready(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if h.Engine.PID == 0 || h.Backend != "CPU" {
			t.Errorf("health: %+v", h)
		}
		f := s.Front()
		f.Cmd.Process.Signal(syscall.SIGTERM)
		state, err := f.Wait(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if !state.Success() {
			t.Errorf("it ended with %v: %s", state, f.Log())
		}
		if err := s.StartFront(); err != nil {
			t.Fatal(err)
		}
	}
}
