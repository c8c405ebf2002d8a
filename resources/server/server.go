// Package server declares a server of a language model: a socket that systemd holds, the front that answers there, and the
// engine that computes behind it, each a unit of its own.
package server

import (
	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// Spec serves a model over OpenAI's API. It is made of the units LABEL.socket, which keeps the port open whatever becomes
// of the rest, LABEL.service, the front that answers there, and LABEL-engine-a and -b with a socket each, of which one
// computes and the other takes its place when the model is another; of their configuration /etc/agent0/LABEL.json; and of
// the users that they run as. LABEL.service is ready when a token was generated, and an apply waits for that. Another
// model, or another setting of the engine, costs no request: what runs is finished by the old engine while the new one is proven.
type Spec struct {
	// Label is the name of the units.
	Label string `hcl:"label,label"`
	// Model is the path of the model: a GGUF file, of a split one the first. The group has to be able to read it.
	Model string `hcl:"model"`
	// Name is what clients call the model: the name of the file without ".gguf" if left out.
	Name string `hcl:"name,optional"`
	// Aliases are other names for it, for clients that insist on one.
	Aliases []string `hcl:"aliases,optional"`
	// Listen is the address to listen on: "127.0.0.1:8000" if left out. An address that others reach needs keys.
	Listen string `hcl:"listen,optional"`
	// KeysFile has the API keys that clients present, one a line. It may be root's alone: systemd hands it to the front.
	KeysFile string `hcl:"keys_file,optional"`
	// WithoutKeys serves whoever reaches the address.
	WithoutKeys bool `hcl:"without_keys,optional"`
	// OpenMetrics lets /metrics be read without a key.
	OpenMetrics bool `hcl:"open_metrics,optional"`
	// Hosts are the names under which clients reach the server, besides the machine's own.
	Hosts []string `hcl:"hosts,optional"`
	// Origins are the web pages that may ask, such as "https://ui.example.org". All others are refused.
	Origins []string `hcl:"origins,optional"`
	// Context is how many tokens one conversation may have: what the model was trained for if left out, and at most 8192.
	Context int `hcl:"context,optional"`
	// Parallel is how many requests are computed at once: 4 if left out.
	Parallel int `hcl:"parallel,optional"`
	// Cells is how many tokens all of them may have together: context for each if left out.
	Cells int `hcl:"cells,optional"`
	// MaxTokens is how many tokens are generated where a request does not say: as many as fit if left out.
	MaxTokens int `hcl:"max_tokens,optional"`
	// CacheType is how the cache of conversations is stored: "f16" if left out, or "q8_0", which takes half the memory.
	CacheType string `hcl:"cache_type,optional"`
	// Threads compute: as many as cpu_quota gives if left out.
	Threads int `hcl:"threads,optional"`
	// Backends is a folder with libraries for GPUs, such as libggml-cuda.so. Left out, the CPU computes.
	Backends string `hcl:"backends,optional"`
	// GPULayers is how many layers of the model a GPU gets: all if left out.
	GPULayers *int `hcl:"gpu_layers,optional"`
	// Mlock keeps the model in memory, whatever else wants it.
	Mlock bool `hcl:"mlock,optional"`
	// Environment is a file with variables, such as an env_file writes. The engine gets those of them that are about GPUs and
	// computing (CUDA_…, GGML_…, HIP_…, NVIDIA_…, VK_…), and never what else is there.
	Environment string `hcl:"environment,optional"`
	// User is who the front runs as: a system user of the label's name, which is made, if left out. The engine runs as another, NAME-engine of this one's.
	User string `hcl:"user,optional"`
	// Group is the group that may read the model, in which the engine's user is: that of the user's name if left out.
	Group string `hcl:"group,optional"`
	// MemoryMax is how much memory an engine may use, in systemd's words: "16G" if left out.
	MemoryMax string `hcl:"memory_max,optional"`
	// CPUQuota is how much of the CPUs an engine may use, of which each is 100%: "200%" if left out.
	CPUQuota string `hcl:"cpu_quota,optional"`
	// Drain is how many seconds requests may go on after the front was told to end: 30 if left out.
	Drain int `hcl:"drain,optional"`
	// Command is where the agent lies on the host: "/usr/local/bin/agent0-converge" if left out.
	Command string `hcl:"command,optional"`
	// Engines is the folder with the builds of agent0-engine: "/usr/lib/agent0" if left out.
	Engines string `hcl:"engines,optional"`
}

// Kind returns the kind server.
func Kind() *engine.Kind { return engine.NewComposite[Spec]("server") }

// Default fills in what the block left out.
func (s *Spec) Default() {
	for _, f := range []struct {
		field *string
		value string
	}{
		{&s.Name, modelName(s.Model)}, {&s.Listen, spec.DefaultServer().Listen}, {&s.CacheType, spec.DefaultEngine().CacheType},
		{&s.MemoryMax, "16G"}, {&s.CPUQuota, "200%"}, {&s.Command, "/usr/local/bin/agent0-converge"}, {&s.Engines, spec.DefaultEngines},
		{&s.Group, s.account()},
	} {
		if *f.field == "" {
			*f.field = f.value
		}
	}
	if s.Parallel == 0 {
		s.Parallel = spec.DefaultEngine().Parallel
	}
	if s.Drain == 0 {
		s.Drain = int(spec.DefaultServer().Drain.Seconds())
	}
}

// account is the user that the front runs as.
func (s *Spec) account() string {
	if s.User == "" {
		return s.Label
	}
	return s.User
}

// Exports are the unit of the front and the address of the API.
func (s *Spec) Exports() map[string]string {
	return map[string]string{"unit": s.Label + ".service", "url": "http://" + s.Listen + "/v1"}
}
