package server

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/resources/file"
	"github.com/agent0-converge/agent0-converge/resources/unit"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

func block(change func(*Spec)) *Spec {
	s := &Spec{Label: "agent0", Model: "/opt/agent0/chat.gguf"}
	if change != nil {
		change(s)
	}
	s.Default()
	return s
}

func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Spec)
		want   string // the attribute, "" for none
	}{
		"as it is":               {nil, ""},
		"a relative model":       {func(s *Spec) { s.Model = "chat.gguf" }, "model"},
		"a specifier":            {func(s *Spec) { s.Model = "/opt/%h.gguf" }, "model"},
		"no port":                {func(s *Spec) { s.Listen = "127.0.0.1" }, "listen"},
		"a name":                 {func(s *Spec) { s.Listen = "localhost:8000" }, "listen"},
		"port 0":                 {func(s *Spec) { s.Listen = "127.0.0.1:0" }, "listen"},
		"others without keys":    {func(s *Spec) { s.Listen = "0.0.0.0:8000" }, "listen"},
		"others with keys":       {func(s *Spec) { s.Listen, s.KeysFile = "[::]:8000", "/etc/agent0/keys" }, ""},
		"others that are all":    {func(s *Spec) { s.Listen, s.WithoutKeys = "0.0.0.0:8000", true }, ""},
		"keys and none":          {func(s *Spec) { s.KeysFile, s.WithoutKeys = "/etc/agent0/keys", true }, "without_keys"},
		"no amount":              {func(s *Spec) { s.MemoryMax = "16GiB" }, "memory_max"},
		"a share of memory":      {func(s *Spec) { s.MemoryMax = "80%" }, ""},
		"no share":               {func(s *Spec) { s.CPUQuota = "2" }, "cpu_quota"},
		"fewer layers than all":  {func(s *Spec) { n := -2; s.GPULayers = &n }, "gpu_layers"},
		"a line break":           {func(s *Spec) { s.Environment = "/etc/x\nExecStart=/bin/sh" }, "environment"},
		"too many at once":       {func(s *Spec) { s.Parallel = 1000 }, "parallel"},
		"another cache":          {func(s *Spec) { s.CacheType = "q4" }, "cache_type"},
		"a label that is a path": {func(s *Spec) { s.Label = "a/b" }, "label"},
	} {
		t.Run(name, func(t *testing.T) {
			err := block(c.change).Validate()
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, not %q", err, c.want)
			}
			if _, ok := errors.AsType[*engine.AttributeError](err); err != nil && !ok {
				t.Errorf("%v is of no attribute", err)
			}
		})
	}
}

// What a front reads is what the block says.
func TestConfig(t *testing.T) {
	s := block(func(s *Spec) {
		s.Model, s.Context, s.Parallel, s.Drain, s.KeysFile = "/opt/big-00001-of-00003.gguf", 4096, 8, 60, "/etc/agent0/keys"
		s.Aliases, s.Mlock = []string{"gpt-4o"}, true
	})
	path := filepath.Join(t.TempDir(), "server.json")
	if err := os.WriteFile(path, []byte(s.config()), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := spec.ReadRuntime(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"/opt/big-00001-of-00003.gguf", "/opt/big-00002-of-00003.gguf", "/opt/big-00003-of-00003.gguf"}
	switch {
	case !slices.Equal(got.Engine.Model, want), got.Engine.Context != 4096, got.Engine.Parallel != 8, !got.Engine.Mlock:
		t.Errorf("engine: %+v", got.Engine)
	case got.Server.Model != "big", got.Server.Drain != time.Minute, !slices.Equal(got.Server.Aliases, s.Aliases), got.Server.KeysCredential == "":
		t.Errorf("server: %+v", got.Server)
	case len(got.Sockets) != 2:
		t.Errorf("sockets: %v", got.Sockets)
	}
	alone := s.Runtime(false)
	if len(alone.Sockets) != 0 || alone.Server.KeysFile != s.KeysFile || alone.Server.KeysCredential != "" {
		t.Errorf("without systemd: %+v", alone)
	}
}

// The units are valid by themselves, and nobody gets at the port or the files but by them.
func TestUnits(t *testing.T) {
	model, env := engine.Addr("module.m.model.chat"), engine.Addr("env_file.agent0")
	parts := map[engine.Addr]engine.Declared{}
	for _, d := range block(func(s *Spec) { s.Environment = "/etc/agent0/env" }).Expand([]engine.Addr{model, env}) {
		parts[d.Addr] = d
		if v, ok := d.Spec.(engine.Validator); ok {
			if err := v.Validate(); err != nil {
				t.Errorf("%s: %v", d.Addr, err)
			}
		}
	}
	front := parts[front].Spec.(*unit.Spec)
	if !slices.Contains(front.ReloadOn, model) || !slices.Contains(front.ReloadOn, config) || slices.Contains(front.ReloadOn, env) {
		t.Errorf("the front is reloaded on %v", front.ReloadOn)
	}
	for _, i := range instances {
		d := parts[engine.Addr("unit.engine_"+i)]
		if slices.Contains(d.Inputs, model) || !slices.Contains(d.Inputs, env) {
			t.Errorf("%s is restarted on %v: another model is the front's to take up", d.Addr, d.Inputs)
		}
		service := d.Spec.(*unit.Spec).Service
		if got := []string{service["MemoryMax"][0], service["CPUQuota"][0]}; !slices.Equal(got, []string{"16G", "200%"}) {
			t.Errorf("%s may use %v", d.Addr, got)
		}
		if service["User"][0] == front.Service["User"][0] {
			t.Errorf("%s runs as the front's user", d.Addr)
		}
	}
	if parts["ready.front"].Spec == nil || !slices.Contains(parts["ready.front"].DependsOn, model) {
		t.Errorf("nothing waits for a token: %+v", parts["ready.front"])
	}
	var text map[string]any
	if err := json.Unmarshal([]byte(parts[config].Spec.(*file.Spec).Content.Reveal()), &text); err != nil {
		t.Error(err)
	}
}

func TestGPU(t *testing.T) {
	parts := block(func(s *Spec) { s.Backends = "/usr/lib/agent0/backends" }).Expand(nil)
	at := slices.IndexFunc(parts, func(d engine.Declared) bool { return d.Addr == "unit.engine_a" })
	service := parts[at].Spec.(*unit.Spec).Service
	if service["PrivateDevices"][0] != "false" || !slices.Contains(service["DeviceAllow"], "char-drm rw") || service["PrivateNetwork"][0] != "true" {
		t.Errorf("an engine for a GPU: %v", service)
	}
	if !slices.ContainsFunc(parts, func(d engine.Declared) bool { return d.Addr == "gpu_group.engine" }) {
		t.Error("its user is in no group of the GPU's")
	}
}

// What is missing on the host is said when it is planned.
func TestMissing(t *testing.T) {
	const command, build = "/usr/local/bin/agent0-converge", "/usr/lib/agent0/agent0-engine-x86-64-v3"
	there := map[string]hosttest.File{command: {Mode: 0o755}, build: {Mode: 0o755}, "/opt/agent0/chat.gguf": {}}
	for gone, want := range map[string]string{
		"": "", command: "install the agent there", build: "there is no engine in /usr/lib/agent0", "/opt/agent0/chat.gguf": "a model block fetches it",
	} {
		files := map[string]hosttest.File{}
		for name, f := range there {
			if name != gone {
				files[name] = f
			}
		}
		m := hosttest.New(t, hosttest.Config{Files: files, Offline: true})
		s := block(nil)
		err := errors.Join(s.installed(t.Context(), m.View()), s.there(t.Context(), m.View()))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("without %q: %v", gone, err)
		}
		if _, ok := errors.AsType[*engine.NeedError](err); err != nil && !ok {
			t.Errorf("without %q: a plan that provides it is refused too: %v", gone, err)
		}
	}
}
