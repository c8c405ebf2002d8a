package clients

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// limit is how long a test waits for what has to come: far longer than it takes.
const limit = 5 * time.Minute

const key = "sk-clients-0123456789"

// What the tests share: it is made by the first that needs it and goes with the last.
var (
	scratch = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "clients-") })
	built   = sync.OnceValues(func() (serving.Programs, error) {
		dir, err := scratch()
		if err != nil {
			return serving.Programs{}, err
		}
		return serving.Build(dir)
	})
	common = sync.OnceValues(func() (*serving.Server, error) {
		p, err := built()
		if err != nil {
			return nil, err
		}
		return serve(p, nil)
	})
)

func TestMain(m *testing.M) {
	code := m.Run()
	if s, err := common(); err == nil {
		s.Close()
	}
	if dir, err := scratch(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// serve starts a server with a key, and with a model that calls tools: it takes the word "bowed" for the beginning of a
// call, and says it of violins.
func serve(p serving.Programs, change func(*spec.Runtime)) (*serving.Server, error) {
	all, err := scratch()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(all, "serve-")
	if err != nil {
		return nil, err
	}
	keys, model := filepath.Join(dir, "keys"), filepath.Join(dir, "model.gguf")
	tiny, err := serving.Tiny()
	if err := errors.Join(err, os.WriteFile(keys, []byte(key+"\n"), 0o600), WithTemplate(tiny, model, Marked("bowed", "END"))); err != nil {
		return nil, err
	}
	return serving.Start(p, dir, func(c *spec.Runtime) {
		c.Server.KeysFile, c.Server.MaxRequests, c.Engine.Model = keys, 4, []string{model}
		c.Engine.Context, c.Engine.Parallel = 4096, 4 // more than the model was trained for: what takes long has to fit
		if change != nil {
			change(c)
		}
	})
}

// real is the server that tests share, when it is ready.
func real(t *testing.T) *serving.Server {
	t.Helper()
	s, err := common()
	if errors.Is(err, serving.ErrCannotBuild) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), limit)
	defer stop()
	if _, err := s.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	return s
}
