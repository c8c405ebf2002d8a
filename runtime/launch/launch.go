// Package launch becomes an engine: it picks the build that this CPU can run, gives up what an engine has no use for, and
// replaces this process by it.
package launch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/agent0-converge/agent0-converge/runtime/confine"
	"github.com/agent0-converge/agent0-converge/runtime/level"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// allowed are the variables of the environment that an engine gets, or their beginnings where they end in an underscore:
// never what an env_file has, such as tokens.
var allowed = []string{
	"CUDA_", "GGML_", "GOMEMLIMIT", "GOTRACEBACK", "HIP_", "LANG", "LISTEN_", "NOTIFY_SOCKET", "NVIDIA_", "PYTORCH_CUDA_ALLOC_CONF", "ROCR_", "TZ", "VK_", "WATCHDOG_",
}

// Exec becomes the engine that the configuration in a file names, with arguments that say where its front is. On Linux it
// returns only if that fails; on Windows, where no program can become another, when the engine has ended.
func Exec(path string, cfg spec.Runtime, args ...string) error {
	found, err := level.Find(cfg.Engines, level.Supported())
	if err != nil {
		return err
	}
	degraded := []string{found.Degraded}
	files := confine.System().Add(confine.Files{Read: append([]string{path}, folders(cfg.Engine.Model)...), Run: []string{found.Path}})
	if cfg.Engine.Backends != "" {
		files = files.Add(confine.Files{Run: []string{cfg.Engine.Backends}, Devices: devices()})
	}
	missing, err := confine.Engine(files)
	if err != nil {
		return err
	}
	argv := []string{found.Path, "-config", path}
	for _, d := range append(degraded, missing...) {
		if d != "" {
			argv = append(argv, "-degraded", d)
		}
	}
	if err := become(found.Path, append(argv, args...), environment(os.Environ())); err != nil {
		return fmt.Errorf("cannot run %s: %w", found.Path, err)
	}
	return nil
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

// devices are those of GPUs.
func devices() []string {
	var all []string
	for _, pattern := range []string{"/dev/nvidia*", "/dev/nvidia-caps", "/dev/dri", "/dev/kfd"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			continue // the patterns are right
		}
		all = append(all, found...)
	}
	return all
}
