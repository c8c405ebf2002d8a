package front

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/agent0-converge/agent0-converge/runtime/server"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// reload reads the configuration again. If it is wrong, nothing changes. What is the server's own holds for new requests at once,
// but for the names of the model, which come with the engine that has it.
func (f *front) reload() {
	err := f.take()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wrong = ""
	if err != nil {
		f.wrong = err.Error()
		slog.Error("the configuration is not taken: everything stays as it is", "error", err)
	}
}

func (f *front) take() error {
	cfg, err := spec.ReadRuntime(f.file)
	if err != nil {
		return err
	}
	k, err := keys(&cfg.Server)
	if err != nil {
		return err
	}
	want, err := f.places.want(&cfg)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.now
	f.now, f.digest, f.keys = cfg, want.Config, k
	f.follow()
	stays, err := f.server.Change(f.named(), f.keys)
	if err != nil {
		f.now = before
		return err
	}
	if cfg.Hang != before.Hang {
		stays = append(stays, "hang")
	}
	slog.Info("the configuration was read again", "engine", want.Config)
	if len(stays) > 0 {
		slog.Warn("what the server is started with stays as it is until it is started again", "fields", stays)
	}
	f.Supervisor.Change(want)
	return nil
}

// follow takes the names of the configuration if the engine is that of the configuration, and reports whether they are others.
func (f *front) follow() bool {
	st, wanted := f.Supervisor.Status(), namesOf(&f.now)
	if st.Ready == nil || st.Hello.Config != f.digest || sameNames(f.names, wanted) {
		return false
	}
	f.names = wanted
	return true
}

// settle has the names follow an engine that has taken over.
func (f *front) settle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.follow() {
		return
	}
	if _, err := f.server.Change(f.named(), f.keys); err != nil {
		slog.Error("the model keeps its names", "error", err)
	}
	if f.places.use.Current != "" {
		f.remember()
	}
}

func sameNames(a, b names) bool { return a.Model == b.Model && slices.Equal(a.Aliases, b.Aliases) }

func keys(cfg *spec.Server) (server.Keys, error) {
	file := cfg.KeysFile
	if cfg.KeysCredential != "" {
		dir := os.Getenv("CREDENTIALS_DIRECTORY")
		if dir == "" {
			return server.Keys{}, fmt.Errorf("cannot read the API keys: systemd hands over no credential %s (LoadCredential=)", cfg.KeysCredential)
		}
		file = filepath.Join(dir, cfg.KeysCredential)
	}
	if file == "" {
		return server.Keys{}, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return server.Keys{}, fmt.Errorf("cannot read the API keys: %w", err)
	}
	k, err := server.ParseKeys(string(b))
	if err != nil {
		return server.Keys{}, fmt.Errorf("cannot read the API keys in %s: %w", file, err)
	}
	return k, nil
}
