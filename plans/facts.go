package plans

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// mark is what a value is marked with.
type mark string

// sensitive marks what nothing may show.
const sensitive mark = "sensitive"

// reason marks a value that cannot be told, and says why. It goes along into all that is worked
// out from the value.
type reason struct{ summary, detail string }

// untold is a value of type t that cannot be told.
func untold(t cty.Type, summary, format string, args ...any) cty.Value {
	return cty.UnknownVal(t).Mark(reason{summary, fmt.Sprintf(format, args...)})
}

func gpuType() cty.Type {
	return cty.Object(map[string]cty.Type{"vendor": cty.String, "name": cty.String, "memory": cty.Number})
}

// factNames are the attributes of host.
func factNames() []string {
	return []string{
		"os", "arch", "cpus", "memory", "kernel", "distro", "init", "hostname", "virtualization", "selinux", "firewall", "gpus",
	}
}

// hostValue is the facts as expressions see them. One that is not known stays so in all that is
// worked out from it, and is reported where its value is needed.
func hostValue(f host.Facts) cty.Value {
	gpus := cty.ListValEmpty(gpuType())
	if len(f.GPUs) > 0 {
		vs := make([]cty.Value, len(f.GPUs))
		for i, g := range f.GPUs {
			vs[i] = cty.ObjectVal(map[string]cty.Value{
				"vendor": cty.StringVal(g.Vendor), "name": cty.StringVal(g.Name), "memory": cty.NumberIntVal(g.Memory),
			})
		}
		gpus = cty.ListVal(vs)
	}
	attrs := map[string]cty.Value{
		"os": cty.StringVal(f.OS), "arch": cty.StringVal(f.Arch), "kernel": cty.StringVal(f.Kernel),
		"hostname": cty.StringVal(f.Hostname), "init": cty.StringVal(f.Init),
		"virtualization": cty.StringVal(f.Virtualization), "selinux": cty.StringVal(f.SELinux),
		"firewall": cty.StringVal(f.Firewall), "cpus": cty.NumberIntVal(int64(f.CPUs)),
		"memory": cty.NumberIntVal(f.Memory), "gpus": gpus,
		"distro": cty.ObjectVal(map[string]cty.Value{
			"id": cty.StringVal(f.Distro.ID), "version": cty.StringVal(f.Distro.Version), "name": cty.StringVal(f.Distro.Name),
		}),
	}
	for _, name := range f.Unknown {
		if v, ok := attrs[name]; ok {
			attrs[name] = untold(v.Type(), "Fact is not known",
				"The root does not tell host.%s: only the machine that it runs on will. Give the facts of that machine with --facts FILE.", name)
		}
	}
	return cty.ObjectVal(attrs)
}
