package ladder

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"strings"
)

// Trial is an engine's use of a library until it is ready. An engine that dies before leaves it noted, which the next choice
// takes in.
type Trial struct{ path string }

// Begin notes, in a file that is there, that an engine is about to use a library; "" notes nothing.
func Begin(path, library string) (*Trial, error) {
	t := &Trial{path}
	if path == "" {
		return t, nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	_, err = f.WriteString(library + "\n")
	return t, errors.Join(err, f.Close())
}

// End says that the engine is ready, or ends because it was told to.
func (t *Trial) End() error {
	if t.path == "" {
		return nil
	}
	return os.Truncate(t.path, 0)
}

// trials returns how many engines in a row have died of a library.
func trials(path, library string) (n int) {
	if path == "" {
		return 0
	}
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		slog.Warn("cannot read with which backends engines died", "error", err)
	}
	for l := range strings.Lines(string(b)) {
		if strings.TrimSuffix(l, "\n") == library {
			n++
		}
	}
	return n
}

func forget(path string) {
	if err := os.Truncate(path, 0); err != nil {
		slog.Warn("cannot forget with which backends engines died", "error", err)
	}
}
