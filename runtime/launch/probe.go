package launch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/confine"
	"github.com/agent0-converge/agent0-converge/runtime/ladder"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// How long one library and all of them may take to prove themselves. A front waits 30 s until an engine says what it is.
const (
	probeLimit  = 12 * time.Second
	probesLimit = 24 * time.Second
)

// Probe becomes the engine that tries the library of a backend, confined as the one that computes. It returns as Exec does.
func Probe(path string, cfg spec.Runtime, library string) error {
	found, err := find(cfg)
	if err != nil {
		return err
	}
	if _, err := confine.Engine(engineFiles(path, cfg, found.Path).Add(gpuFiles(cfg.Engine.Backends))); err != nil {
		return err
	}
	return become(found.Path, []string{found.Path, "-probe", library}, environment(os.Environ()))
}

// prober returns what has a library tried by another process of this program, which Probe then is.
func prober(config string) func(context.Context, string) (string, error) {
	return func(ctx context.Context, library string) (string, error) {
		self, err := os.Executable()
		if err != nil {
			return "", err
		}
		var out, said bounded
		cmd := exec.CommandContext(ctx, self, "engine", "--config", config, "--probe", library)
		cmd.Stdout, cmd.Stderr = &out, &said
		cmd.WaitDelay = time.Second // a process of the driver's may hold the pipes
		err = cmd.Run()
		var p ladder.Proof
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		switch bad := json.Unmarshal([]byte(lines[len(lines)-1]), &p); {
		case err == nil && bad == nil && p.Error == "" && p.Device != "":
			return p.Device, nil
		case bad == nil && p.Error != "":
			return "", errors.New(p.Error)
		case err == nil:
			return "", errors.New("it proved nothing and ended all the same")
		}
		if words := plain(said.String()); words != "" {
			return "", fmt.Errorf("who tried it died: %w: %s", err, words)
		}
		return "", fmt.Errorf("who tried it died: %w", err)
	}
}

// plain is the first line of what a process said that is no record of its log: what a runtime says at last.
func plain(said string) string {
	for l := range strings.Lines(said) {
		if l = strings.TrimSpace(l); l != "" && !strings.HasPrefix(l, "{") {
			return l
		}
	}
	return ""
}

// bounded keeps the last of what is written to it, and takes the rest.
type bounded struct{ bytes.Buffer }

// most is how many bytes that are at least.
const most = 64 << 10

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > 2*most {
		b.Next(b.Len() - max(0, most-len(p)))
	}
	if len(p) > most {
		_, err := b.Buffer.Write(p[len(p)-most:])
		return len(p), err
	}
	return b.Buffer.Write(p)
}
