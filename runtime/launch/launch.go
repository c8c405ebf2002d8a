// Package launch becomes an engine: it picks the build that this CPU can run and the backend that works here, gives up what an
// engine has no use for, and replaces this process by it. Where there can be no engine, it tells the front why.
package launch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/agent0-converge/agent0-converge/runtime/confine"
	"github.com/agent0-converge/agent0-converge/runtime/door"
	"github.com/agent0-converge/agent0-converge/runtime/ladder"
	"github.com/agent0-converge/agent0-converge/runtime/level"
	"github.com/agent0-converge/agent0-converge/runtime/session"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// allowed are the variables of the environment that an engine gets, or their beginnings where they end in an underscore:
// never what an env_file has, such as tokens.
var allowed = []string{
	"CUDA_", "GGML_", "GOMEMLIMIT", "GOTRACEBACK", "HIP_", "LANG", "LISTEN_", "NOTIFY_SOCKET", "NVIDIA_", "ROCR_", "TZ", "VK_", "WATCHDOG_",
}

// Exec becomes the engine that the configuration in a file names, reached at a door. On Linux it returns only if that fails; on
// Windows, where no program can become another, when the engine has ended. A failure is told to the front until the engine's
// files are others.
func Exec(ctx context.Context, path string, cfg spec.Runtime, at door.At) error {
	at, err := opened(at)
	if err != nil {
		return err
	}
	before := installed(cfg.Engines)
	err = start(ctx, path, cfg, at)
	if _, ok := errors.AsType[*EndedError](err); ok || ctx.Err() != nil {
		return err
	}
	slog.Error("there is no engine", "error", err)
	told := refuse(ctx, cfg, at, err, func() bool { return installed(cfg.Engines) != before })
	if errors.Is(told, session.ErrEnd) || ctx.Err() != nil {
		return nil // the front has another engine, or this process was told to end
	}
	return errors.Join(err, told)
}

// EndedError says that an engine ran, and how it ended. Only systems have it where no program can become another.
type EndedError struct{ Err error }

func (e *EndedError) Error() string { return fmt.Sprintf("the engine ended: %v", e.Err) }

func (e *EndedError) Unwrap() error { return e.Err }

func start(ctx context.Context, path string, cfg spec.Runtime, at door.At) error {
	found, err := find(cfg)
	if err != nil {
		return err
	}
	var state memory
	if cfg.Engine.Backends != "" {
		state = remembered(cfg.Engine)
	}
	choice := climb(ctx, path, cfg, found.Path, state)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	argv := []string{found.Path, "-config", path}
	files := engineFiles(path, cfg, found.Path)
	if choice.Library != "" {
		argv = append(argv, "-backend", choice.Library)
		files = files.Add(gpuFiles(cfg.Engine.Backends))
		if state.trials != "" {
			argv = append(argv, "-trials", state.trials)
			files = files.Add(confine.Files{Devices: []string{state.trials}})
		}
	}
	if choice.Lower {
		argv = append(argv, "-lower")
	}
	missing, err := confine.Engine(files)
	if err != nil {
		return err
	}
	for _, d := range append(append([]string{found.Degraded}, choice.Degraded...), missing...) {
		if d != "" {
			argv = append(argv, "-degraded", d)
		}
	}
	return become(found.Path, append(argv, at.Args()...), environment(os.Environ()))
}

// find returns the build that this CPU can run, if it is a whole program.
func find(cfg spec.Runtime) (level.Found, error) {
	found, err := level.Find(cfg.Engines, level.Supported())
	if err != nil {
		return found, err
	}
	if err := whole(found.Path); err != nil {
		return found, fmt.Errorf("%s cannot be run: install it again: %w", found.Path, err)
	}
	return found, nil
}

// installed tells the engines in a folder from others that take their place.
func installed(dir string) string {
	var all strings.Builder
	for _, l := range level.Supported() {
		info, err := os.Stat(filepath.Join(dir, level.Prefix+string(l)))
		if err != nil {
			fmt.Fprintln(&all, l, err)
			continue
		}
		fmt.Fprintln(&all, l, info.Size(), info.ModTime(), info.Mode())
	}
	return all.String()
}

// engineFiles are what an engine needs without a backend.
func engineFiles(path string, cfg spec.Runtime, program string) confine.Files {
	return confine.System().Add(confine.Files{Read: append([]string{path}, folders(cfg.Engine.Model)...), Run: []string{program}})
}

// folders are those of the model's files: a model that is missing may come while the engine waits for it.
func folders(paths []string) []string {
	var all []string
	for _, p := range paths {
		all = append(all, filepath.Dir(p))
	}
	return all
}

func environment(all []string) []string {
	env := []string{"GGML_NO_BACKTRACE=1"} // it would run a debugger
	for _, v := range all {
		name, _, _ := strings.Cut(v, "=")
		for _, a := range allowed {
			if name == a || strings.HasSuffix(a, "_") && strings.HasPrefix(name, a) {
				env = append(env, v)
				break
			}
		}
	}
	return env
}

// memory is where what was found out about backends is kept; "" is nowhere.
type memory struct{ found, trials string }

// remembered returns the files for a configuration, of which the second is there: in the folder that systemd made for the
// service, or in the user's cache.
func remembered(cfg spec.Engine) memory {
	dir, err := folder()
	digest, bad := cfg.Digest()
	if err := errors.Join(err, bad); err != nil {
		slog.Warn("which backends work is not remembered", "error", err)
		return memory{}
	}
	name := filepath.Join(dir, "ladder-"+digest[:16])
	m := memory{found: name + ".json", trials: name + ".trials"}
	f, err := os.OpenFile(m.trials, os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		slog.Warn("which backends work is not remembered", "error", err)
		return memory{}
	}
	return m
}

func folder() (string, error) {
	if all := os.Getenv("RUNTIME_DIRECTORY"); all != "" {
		first, _, _ := strings.Cut(all, string(filepath.ListSeparator))
		return first, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "agent0", "engine")
	return dir, os.MkdirAll(dir, 0o700)
}

// climb chooses a backend.
func climb(ctx context.Context, path string, cfg spec.Runtime, engine string, m memory) ladder.Choice {
	now, err := ladder.Look()
	if err != nil {
		slog.Warn("cannot tell this start of the machine from another", "error", err)
		m.found = ""
	}
	return ladder.Climb(ctx, ladder.Config{
		Backends: cfg.Engine.Backends, Layers: cfg.Engine.GPULayers, Engine: engine, Memory: m.found, Trials: m.trials,
		Probe: prober(path), Limit: probeLimit, Total: probesLimit,
	}, now)
}
