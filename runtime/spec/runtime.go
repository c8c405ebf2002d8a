package spec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Runtime is all that a front and its engine work with: one file, which both read.
type Runtime struct {
	Server Server `json:"server"`
	Engine Engine `json:"engine"`
	// Sockets are where engines are reached that systemd keeps at work: one is in use, and another takes its place where the
	// engine is to be another. With one alone the engine cannot be changed while it serves. Without any, engines are started
	// as children.
	Sockets []string `json:"sockets,omitempty"`
	// Engines is the folder with the builds of the engine.
	Engines string `json:"engines,omitempty"`
	// Hang is how long an engine that has work may say nothing: after that it is killed and another takes its place. It is
	// never less than ten of the engine's longest steps.
	Hang time.Duration `json:"hang_ns"`
}

// DefaultEngines is where the builds of the engine are installed.
const DefaultEngines = "/usr/lib/agent0"

// EnginePrefix is how the names of the builds begin; the level of the CPU follows.
const EnginePrefix = "agent0-engine-"

// DefaultRuntime is what holds where nothing is said.
func DefaultRuntime() Runtime {
	return Runtime{Server: DefaultServer(), Engine: DefaultEngine(), Engines: DefaultEngines, Hang: 10 * time.Second}
}

// ReadRuntime reads the file and checks it.
func ReadRuntime(path string) (Runtime, error) {
	r := DefaultRuntime()
	b, err := os.ReadFile(path)
	if err != nil {
		return r, fmt.Errorf("cannot read the configuration: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return r, fmt.Errorf("cannot read the configuration %s: %w", path, err)
	}
	if err := r.Check(); err != nil {
		return r, fmt.Errorf("the configuration %s is wrong: %w", path, err)
	}
	for i, m := range r.Engine.Model {
		if !filepath.IsAbs(m) {
			r.Engine.Model[i] = filepath.Join(filepath.Dir(path), m)
		}
	}
	return r, nil
}

// Check reports what is wrong with it.
func (r *Runtime) Check() error { return errors.Join(r.Server.Validate(), r.Engine.Check(), r.check()) }

// check reports a limit that is none, and sockets that cannot be told apart.
func (r *Runtime) check() error {
	if r.Hang <= 0 {
		return fmt.Errorf("hang is %v: it has to be more than 0", r.Hang)
	}
	for i, s := range r.Sockets {
		if !filepath.IsAbs(s) || slices.Contains(r.Sockets[:i], s) {
			return fmt.Errorf("sockets: %q: each is an absolute path, and another than the others", s)
		}
	}
	return nil
}
