package llamaserver

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
)

// It runs in its root, says what it is, serves a model from the folder, and says why where it cannot.
func TestServer(t *testing.T) {
	if os.Getenv("AGENT0_LLAMA_SERVER") == "" {
		t.Skip("it downloads about 30 MB of Debian packages the first time: set AGENT0_LLAMA_SERVER=1")
	}
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
	defer stop()
	tiny, err := serving.Tiny()
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(ctx, filepath.Dir(tiny))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := r.Version(ctx); err != nil || !strings.Contains(v, "version: ") {
		t.Errorf("it says that it is %q, %v", v, err)
	}
	s, err := r.Start(filepath.Base(tiny), "-t", "1")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(ctx); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if s, err = r.Start("none.gguf"); err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(ctx); err == nil || !strings.Contains(err.Error(), "none.gguf") {
		t.Errorf("without a model: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}
