package front

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
	"github.com/agent0-converge/agent0-converge/runtime/supervise"
)

// places are where engines are.
type places struct {
	child func(config string) supervise.Place
	// dir has the configurations of children, each under its digest, so that one that is started again is the same though the
	// file is another by now. "" is not made yet.
	dir string
	// state is the file that remembers where engines are, "" for none.
	state string
	use   supervise.Use
}

// memory is what a front that is started again has to know of the one before.
type memory struct {
	supervise.Use
	// Config is the digest of the configuration whose names are those below, "" where the engine is of another.
	Config string `json:"config,omitempty"`
	names
}

// want is the engine that a configuration has.
func (p *places) want(cfg *spec.Runtime) (supervise.Want, error) {
	digest, err := cfg.Engine.Digest()
	if err != nil {
		return supervise.Want{}, err
	}
	w := supervise.Want{Config: digest, Files: cfg.Engine.Files(), Drain: cfg.Server.Drain}
	for _, path := range cfg.Sockets {
		w.Places = append(w.Places, supervise.Socket(path))
	}
	if len(w.Places) > 0 {
		return w, nil
	}
	file, err := p.keep(cfg, digest)
	w.Places = []supervise.Place{p.child(file)}
	return w, err
}

// keep writes a configuration for a child.
func (p *places) keep(cfg *spec.Runtime, digest string) (file string, err error) {
	if p.dir == "" {
		if p.dir, err = os.MkdirTemp(runtimeDirectory(), "agent0-front-"); err != nil {
			return "", fmt.Errorf("cannot hand the configuration to an engine: %w", err)
		}
	}
	b, err := json.Marshal(cfg)
	if err != nil {
		return "", err
	}
	file = filepath.Join(p.dir, digest+".json")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		return "", fmt.Errorf("cannot hand the configuration to an engine: %w", err)
	}
	return file, nil
}

func (p *places) close() error {
	if p.dir == "" {
		return nil
	}
	return os.RemoveAll(p.dir)
}

// runtimeDirectory is what systemd has made for this process (RuntimeDirectory=), or "".
func runtimeDirectory() string {
	first, _, _ := strings.Cut(os.Getenv("RUNTIME_DIRECTORY"), ":")
	return first
}

// recall reads what the front before this one knew, which may be nothing.
func (p *places) recall(sockets []string) (m memory) {
	dir := runtimeDirectory()
	if dir == "" {
		dir = filepath.Dir(sockets[0])
	}
	p.state = filepath.Join(dir, "engines.json")
	b, err := os.ReadFile(p.state)
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			slog.Warn("it is not known which engine was in use", "error", err)
		}
		m = memory{}
	}
	p.use = m.Use
	return m
}

// remember replaces what is known: a front that is killed meanwhile leaves the one or the other.
func (p *places) remember(m memory) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	part := p.state + ".part"
	if err := os.WriteFile(part, b, 0o600); err != nil {
		return err
	}
	return os.Rename(part, p.state)
}
