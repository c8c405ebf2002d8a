package spec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Runtime is all that a front and its engine work with: one file, which both read.
type Runtime struct {
	Server Server `json:"server"`
	Engine Engine `json:"engine"`
	// Socket is where the engine is reached that systemd keeps at work. "" starts one as a child.
	Socket string `json:"socket,omitempty"`
	// Engines is the folder with the builds of the engine.
	Engines string `json:"engines,omitempty"`
}

// DefaultEngines is where the builds of the engine are installed.
const DefaultEngines = "/usr/lib/agent0"

// DefaultRuntime is what holds where nothing is said.
func DefaultRuntime() Runtime {
	return Runtime{Server: DefaultServer(), Engine: DefaultEngine(), Engines: DefaultEngines}
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
	if err := errors.Join(r.Server.Validate(), r.Engine.Check()); err != nil {
		return r, fmt.Errorf("the configuration %s is wrong: %w", path, err)
	}
	for i, m := range r.Engine.Model {
		if !filepath.IsAbs(m) {
			r.Engine.Model[i] = filepath.Join(filepath.Dir(path), m)
		}
	}
	return r, nil
}
