package scenarios

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/agent0-converge/agent0-converge/resources/all"
)

// sample is one block of every kind, each of something else on the machine.
var sample = map[string]string{
	"file":          `file "it" { path = "/etc/pairs/file", content = "x" }`,
	"directory":     `directory "it" { path = "/srv/pairs/directory", mode = "0750" }`,
	"symlink":       `symlink "it" { path = "/etc/pairs/link", target = "/nowhere" }`,
	"env_file":      `env_file "it" { path = "/etc/pairs/env", values = { A = "1" } }`,
	"model":         `model "it" { path = "/srv/pairs/models/it.bin", sources = ["file:///etc/debian_version"], unverified = true }`,
	"user":          `user "it" { name = "pairs", system = true, groups = ["adm"] }`,
	"group":         `group "it" { name = "pairsgroup" }`,
	"gpu_group":     `gpu_group "it" { user = "games" }`,
	"logrotate":     `logrotate "it" { name = "pairs", paths = ["/var/log/pairs.log"], every = "daily" }`,
	"sysctl":        `sysctl "it" { name = "net.core.somaxconn", value = "1000" }`,
	"unit":          `unit "it" { name = "pairs.service", service = { ExecStart = "/bin/sleep infinity" }, install = { WantedBy = "multi-user.target" }, enabled = true, state = "running" }`,
	"firewall_port": `firewall_port "it" { port = 8123, sources = ["10.0.0.0/8"] }`,
	"drift":         `drift "it" { every = "1h" }`,
	"ready":         `unit "waited" { name = "waited.service", service = { ExecStart = "/bin/sleep infinity" } }` + "\n" + `ready "it" { unit = "waited.service" }`,
	"server":        `server "it" { model = "/media/usb/agent0-tiny.gguf", listen = "127.0.0.1:8111", threads = 1 }`,
}

// block writes a sample as HCL's many lines.
func block(text string) string {
	out, depth := "", 0
	for _, r := range text {
		switch {
		case r == '{' || r == '[':
			depth++
			out += string(r)
			if depth == 1 {
				out += "\n"
			}
			continue
		case r == '}' || r == ']':
			depth--
			if depth == 0 {
				out += "\n"
			}
		case r == ',' && depth == 1:
			out += "\n"
			continue
		}
		out += string(r)
	}
	return out + "\n"
}

// TestPairs: for every two kinds, applying the second leaves the first as it was converged, and
// dropping both leaves the machine as it was.
func TestPairs(t *testing.T) {
	h := servingHost(t)
	var kinds []string
	for _, k := range all.Kinds() {
		kinds = append(kinds, k.Name())
		if sample[k.Name()] == "" {
			t.Errorf("there is no sample of %s", k.Name())
		}
	}
	const plan = "/root/pairs.hcl"
	said := func(names ...string) {
		text := "plan {\n  name = \"pairs\"\n}\n"
		for _, name := range names {
			text += block(sample[name])
		}
		h.put(plan, text, 0o644)
	}
	before := h.picture()
	pairs := 0
	for _, first := range kinds {
		said(first)
		h.run(agent, "apply", "--auto-approve", plan)
		for _, second := range kinds {
			if first == second {
				continue
			}
			said(first, second)
			h.run(agent, "apply", "--auto-approve", plan)
			h.exits(0, agent, "plan", "--detailed-exitcode", "--target", first+".it", plan)
			h.exits(0, agent, "plan", "--detailed-exitcode", plan)
			said(first)
			h.run(agent, "apply", "--auto-approve", "--allow-prune", plan)
			h.exits(0, agent, "plan", "--detailed-exitcode", plan)
			pairs++
		}
		said()
		h.run(agent, "apply", "--auto-approve", "--allow-prune", plan)
	}
	h.same("the machine is not as it was", before, h.picture())
	if n := len(kinds) * (len(kinds) - 1); pairs != n {
		t.Errorf("%d of %d pairs", pairs, n)
	}
	t.Logf("%d pairs of %s", pairs, fmt.Sprint(slices.Sorted(maps.Keys(sample))))
}
