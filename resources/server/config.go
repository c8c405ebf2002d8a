package server

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// credential is the name under which systemd hands the keys to the front.
const credential = "api-keys"

// The two engines, of which one computes.
var instances = []string{"a", "b"}

// ConfigPath is where the configuration is written.
func (s *Spec) ConfigPath() string { return "/etc/agent0/" + s.Label + ".json" }

func (s *Spec) engineName(instance string) string { return s.Label + "-engine-" + instance }

func (s *Spec) engineSocket(instance string) string {
	return "/run/" + s.Label + "-engine/" + instance + ".sock"
}

// Runtime is what the front and the engine are configured with. Under systemd they are found by their sockets; by itself the front
// starts the engine.
func (s *Spec) Runtime(systemd bool) spec.Runtime {
	r := spec.DefaultRuntime()
	f, e := &r.Server, &r.Engine
	f.Listen, f.Model, f.Aliases, f.Hosts, f.Origins = s.Listen, s.Name, s.Aliases, s.Hosts, s.Origins
	f.OpenMetrics, f.MaxTokens, f.Drain = s.OpenMetrics, s.MaxTokens, time.Duration(s.Drain)*time.Second
	e.Model, e.Context, e.Parallel, e.Cells, e.Threads = splits(s.Model), s.Context, s.Parallel, s.Cells, s.Threads
	e.CacheType, e.Backends, e.Mlock = s.CacheType, s.Backends, s.Mlock
	if s.GPULayers != nil {
		e.GPULayers = *s.GPULayers
	}
	r.Engines = s.Engines
	if !systemd {
		f.KeysFile = s.KeysFile
		return r
	}
	if s.KeysFile != "" {
		f.KeysCredential = credential
	}
	for _, i := range instances {
		r.Sockets = append(r.Sockets, s.engineSocket(i))
	}
	return r
}

// config is the text of the configuration.
func (s *Spec) config() string {
	b, err := json.MarshalIndent(s.Runtime(true), "", "  ")
	if err != nil {
		panic(err) // it has nothing that JSON does not have
	}
	return string(b) + "\n"
}

// splitName is how the files of a split model are named (gguf-split of llama.cpp).
var splitName = regexp.MustCompile(`^(.*)-00001-of-(\d{5})\.gguf$`)

// splits are the files of a model, of which the first is named.
func splits(first string) []string {
	m := splitName.FindStringSubmatch(first)
	if m == nil {
		return []string{first}
	}
	n, err := strconv.Atoi(m[2])
	if err != nil {
		return []string{first} // five digits are a number
	}
	var all []string
	for i := 1; i <= n; i++ {
		all = append(all, fmt.Sprintf("%s-%05d-of-%s.gguf", m[1], i, m[2]))
	}
	return all
}

// modelName is what a model is called after its file.
func modelName(file string) string {
	if m := splitName.FindStringSubmatch(file); m != nil {
		file = m[1]
	}
	return strings.TrimSuffix(path.Base(file), ".gguf")
}
