package main

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// world is a case of the properties: every path has one type, in whatever tree or plan it is. Besides,
// there are the subjects that are the same in all worlds.
type world struct {
	types map[string]string // path → directory, file, env_file or symlink
	paths []string          // parents first
}

func drawWorld(t *rapid.T) world {
	w := world{types: map[string]string{}}
	names := rapid.SampledFrom([]string{"a", "b", "c", "with space", "ünï", "d.conf", ".hidden", "$x"})
	for range rapid.IntRange(2, 9).Draw(t, "paths") {
		dirs := []string{"/"}
		for _, p := range w.paths {
			if w.types[p] == "directory" {
				dirs = append(dirs, p)
			}
		}
		parent := rapid.SampledFrom(dirs).Draw(t, "parent")
		p := path.Join(parent, names.Draw(t, "name"))
		if _, taken := w.types[p]; taken {
			continue
		}
		w.types[p] = rapid.SampledFrom([]string{"directory", "directory", "file", "env_file", "symlink"}).Draw(t, "type")
		w.paths = append(w.paths, p)
	}
	return w
}

// some draws a subset of the paths.
func (w world) some(t *rapid.T, what string) []string { return someOf(t, what, w.paths) }

func someOf(t *rapid.T, what string, all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return !rapid.Bool().Draw(t, what+" "+s) })
}

var (
	modes    = rapid.SampledFrom([]int{0o600, 0o640, 0o644, 0o755, 0o4755, 0o1777, 0o700})
	contents = rapid.SampledFrom([]string{"", "x", "line\n", "two\nlines", "\ufeffbom\r\n", strings.Repeat("long\n", 400)})
	ids      = rapid.SampledFrom([]int{0, 1, 1234})
)

// tree draws what is there before: a root as a distribution leaves it, some of the world's paths with
// what they need, and things that no plan will name.
func (w world) tree(t *rapid.T) map[string]hosttest.File {
	files := stock()
	maps.Copy(files, map[string]hosttest.File{
		"/unmanaged":       {Content: "nobody's", Mode: 0o604, UID: 7},
		"/un/managed/deep": {Content: "nobody's", Xattrs: map[string]string{"user.k": "v"}},
		"/var/lib/other":   {Content: "nobody's"},
		"/etc/.pwd.lock":   {Mode: 0o600}, // stays once it is there
	})
	byHand := map[string]hosttest.File{
		"/etc/logrotate.d/fresh":                                        {Content: "/var/log/fresh/*.log {\n  daily\n}\n", Mode: 0o604},
		"/etc/sysctl.d/60-agent0-vm.swappiness.conf":                    {Content: "vm.swappiness=33\n"},
		"/etc/systemd/system/fresh.service":                             {Content: "[Service]\nExecStart=/bin/sh\n\n[Install]\nWantedBy=basic.target\n", UID: 7},
		"/etc/systemd/system/multi-user.target.wants":                   {Dir: true, Mode: 0o750},
		"/etc/systemd/system/bluetooth.service":                         {Link: "/dev/null"},
		"/etc/systemd/system/cron.service.d/50-limits.conf":             {Content: "[Service]\nMemoryMax=1G\n"},
		"/etc/systemd/system-preset/50-agent0-bluetooth.service.preset": {Content: "enable bluetooth.service\n"},
	}
	for _, p := range someOf(t, "by hand", slices.Sorted(maps.Keys(byHand))) {
		files[p] = byHand[p]
	}
	if _, ok := files["/etc/systemd/system/fresh.service"]; ok && rapid.Bool().Draw(t, "enabled by hand") {
		files["/etc/systemd/system/basic.target.wants/fresh.service"] = hosttest.File{Link: "/etc/systemd/system/fresh.service"}
	}
	for _, p := range w.some(t, "there") {
		if dir := path.Dir(p); dir != "/" {
			if _, ok := files[dir]; !ok {
				continue
			}
		}
		f := hosttest.File{Mode: fs.FileMode(modes.Draw(t, "mode")), UID: ids.Draw(t, "uid"), GID: ids.Draw(t, "gid")}
		switch w.types[p] {
		case "directory":
			f.Dir = true
		case "symlink":
			f = hosttest.File{Link: rapid.SampledFrom([]string{"/unmanaged", "nowhere", "../x"}).Draw(t, "link")}
		default:
			f.Content = contents.Draw(t, "content")
			if rapid.Bool().Draw(t, "xattr") {
				f.Xattrs = map[string]string{"user.note": "kept"}
			}
		}
		files[p] = f
	}
	return files
}

// block draws one resource of a plan. A whole one says every attribute.
func (w world) block(t *rapid.T, p string, whole bool) string {
	var b strings.Builder
	name := fmt.Sprintf("r%x", p)
	fmt.Fprintf(&b, "%s %q {\n  path = %q\n", w.types[p], name, p)
	says := func(what string) bool { return whole || rapid.Bool().Draw(t, what) }
	if says("owner") {
		fmt.Fprintf(&b, "  owner = \"%d\"\n  group = \"%d\"\n", ids.Draw(t, "owner"), ids.Draw(t, "group"))
	}
	if w.types[p] != "symlink" && says("mode") {
		fmt.Fprintf(&b, "  mode = \"%04o\"\n", modes.Draw(t, "mode"))
	}
	switch w.types[p] {
	case "file":
		fmt.Fprintf(&b, "  content = %s\n", quoted(contents.Draw(t, "content")))
		if rapid.IntRange(0, 4).Draw(t, "sensitive") == 0 {
			b.WriteString("  sensitive = true\n")
		}
	case "env_file":
		fmt.Fprintf(&b, "  values = { KEY = %s }\n", quoted(rapid.SampledFrom([]string{"", "v", "two words", `quo"te`}).Draw(t, "value")))
	case "symlink":
		fmt.Fprintf(&b, "  target = %s\n", quoted(rapid.SampledFrom([]string{"/a", "b", "../c"}).Draw(t, "target")))
	}
	b.WriteString("}\n")
	return b.String()
}

// quoted writes a string as the plan language does.
func quoted(s string) string {
	r := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`)
	return `"` + r.Replace(s) + `"`
}

// drawn is a plan: of which paths and subjects, with a block for each.
type drawn struct {
	paths    []string
	subjects []subject
	blocks   []string // those of the paths, then those of the subjects
}

// plan draws a plan of some paths and subjects.
func (w world) plan(t *rapid.T, what string, whole bool) drawn {
	d := drawn{paths: w.some(t, what)}
	for _, p := range d.paths {
		d.blocks = append(d.blocks, w.block(t, p, whole))
	}
	for _, s := range subjects() {
		// Most are left out, so that a plan is of all kinds and not long.
		if rapid.IntRange(0, 2).Draw(t, what+" "+s.kind+" "+s.name) > 0 {
			continue
		}
		d.subjects = append(d.subjects, s)
		d.blocks = append(d.blocks, s.block(t, whole))
	}
	return d
}

// secret reports whether the plan is of files of which the old content may be secret.
func (d drawn) secret() bool {
	return slices.ContainsFunc(d.blocks, func(b string) bool { return strings.HasPrefix(b, "file") || strings.HasPrefix(b, "env_file") })
}

// owns reports whether something at p may be of a subject of the plan.
func (d drawn) owns(p string) bool {
	for i, s := range d.subjects {
		block := d.blocks[len(d.paths)+i]
		if s.owns(p) || s.kind == "unit" && strings.Contains(block, "exact = true") && path.Dir(p) == s.unit()+".d" {
			return true
		}
	}
	return false
}
