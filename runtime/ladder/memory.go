package ladder

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// retry is how long a library that failed is left alone: what it failed of, such as memory that another program had, may pass.
const retry = 10 * time.Minute

// memory is what was found out about libraries, in a file.
type memory struct {
	path string
	// Boot and Asleep are when it was: after a restart or a suspend nothing of it holds.
	Boot   string        `json:"boot"`
	Asleep time.Duration `json:"asleep_ns"`
	// Found is by path.
	Found map[string]finding `json:"found"`
}

// finding is what was found out about one library.
type finding struct {
	Library stamp  `json:"library"`
	Engine  stamp  `json:"engine"`
	Device  string `json:"device,omitempty"`
	// Why says why it does not work; "" if it does.
	Why string    `json:"why,omitempty"`
	At  time.Time `json:"at"`
}

// stamp tells a file from the one that takes its place.
type stamp struct {
	Size    int64     `json:"size"`
	Changed time.Time `json:"changed"`
}

func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{} // the probe will say what is wrong with it
	}
	return stamp{info.Size(), info.ModTime().UTC()}
}

func (f *finding) holds(library, engine stamp, now time.Time) bool {
	if f.Library != library || f.Engine != engine {
		return false
	}
	age := now.Sub(f.At)
	return f.Why == "" || age >= 0 && age < retry
}

// recall reads what is remembered and still holds. What cannot be read is found out again.
func recall(path string, now Now) *memory {
	fresh := &memory{path: path, Boot: now.Boot, Asleep: now.Asleep, Found: map[string]finding{}}
	if path == "" {
		return fresh
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fresh
	}
	m := &memory{path: path}
	if err = errors.Join(err, json.Unmarshal(b, m)); err != nil {
		slog.Warn("cannot recall which backends work", "error", err)
		return fresh
	}
	if m.Found == nil || m.Boot != now.Boot || Resumed(m.Asleep, now.Asleep) {
		return fresh
	}
	return m
}

// keep remembers a finding. It goes on without where that fails: then it is found out again.
func (m *memory) keep(library string, f finding) {
	m.Found[library] = f
	if m.path == "" {
		return
	}
	b, err := json.Marshal(m)
	if err == nil {
		err = replace(m.path, b)
	}
	if err != nil {
		slog.Warn("cannot remember which backends work", "error", err)
	}
}

// replace writes a file as a whole: an engine that starts at the same time may read it.
func replace(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".ladder-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}
