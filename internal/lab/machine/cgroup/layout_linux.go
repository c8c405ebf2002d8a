// Package cgroup makes, fills, empties and removes the control groups of a machine of the lab, on hosts
// with cgroup v1, v2 or both.
package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Layout is which hierarchies of control groups a host has, cgroups(7).
type Layout struct {
	// V1 are the hierarchies of version 1, among them name=systemd. None on a host that has version 2 alone.
	V1 []Hierarchy
	// V2 is where version 2 is mounted; "" for nowhere.
	V2 string
}

// Hierarchy is one hierarchy of version 1.
type Hierarchy struct {
	// Controllers are what it controls ("cpu", "cpuacct"), or the one name that it has ("name=systemd").
	Controllers []string
	// Path is where it is mounted.
	Path string
}

// Read finds the layout of this process's mounts.
func Read() (*Layout, error) {
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("cannot find control groups: %w", err)
	}
	return Parse(string(b))
}

// Parse finds the layout in a mountinfo, proc_pid_mountinfo(5). It is an error if there is nothing that a
// systemd could be given: no hierarchy, one that is read-only, or version 1 without name=systemd.
func Parse(mountinfo string) (*Layout, error) {
	l := &Layout{}
	for line := range strings.Lines(mountinfo) {
		before, after, _ := strings.Cut(line, " - ")
		place, what := strings.Fields(before), strings.Fields(after)
		if len(place) < 6 || len(what) < 3 || what[0] != "cgroup" && what[0] != "cgroup2" {
			continue
		}
		path := place[4]
		if has(place[5], "ro") || has(what[2], "ro") {
			return nil, fmt.Errorf("cannot make control groups: %s is mounted read-only", path)
		}
		if what[0] == "cgroup2" {
			l.V2 = path
			continue
		}
		l.V1 = append(l.V1, Hierarchy{Controllers: controllers(what[2]), Path: path})
	}
	return l, l.usable()
}

// Unified is the layout without version 1.
func (l *Layout) Unified() *Layout { return &Layout{V2: l.V2} }

// usable says what a systemd would miss.
func (l *Layout) usable() error {
	named := slices.ContainsFunc(l.V1, func(h Hierarchy) bool { return slices.Contains(h.Controllers, "name=systemd") })
	switch {
	case len(l.V1) == 0 && l.V2 == "":
		return errors.New("cannot make control groups: none are mounted below /sys/fs/cgroup")
	case len(l.V1) > 0 && !named:
		return errors.New("cannot make control groups: version 1 is mounted without name=systemd: mount -t cgroup -o none,name=systemd")
	}
	return nil
}

func has(options, o string) bool { return slices.Contains(strings.Split(options, ","), o) }

// controllers are the super block options that say what a hierarchy is, and not how it behaves.
func controllers(options string) []string {
	other := []string{"rw", "ro", "xattr", "noprefix", "clone_children", "cpuset_v2_mode", "favordynmods", "none"}
	var out []string
	for o := range strings.SplitSeq(options, ",") {
		if !slices.Contains(other, o) && !strings.HasPrefix(o, "release_agent=") {
			out = append(out, o)
		}
	}
	return out
}

// Mount mounts the hierarchies at dir as systemd expects them in /sys/fs/cgroup. Called in a new cgroup
// namespace, what the caller's own groups contain is all that is seen there.
func (l *Layout) Mount(dir string) error {
	if len(l.V1) == 0 {
		return mount("cgroup2", dir, "")
	}
	if err := mount("tmpfs", dir, "mode=755"); err != nil {
		return err
	}
	for _, h := range l.V1 {
		name, option := h.name()
		if err := mountNew("cgroup", filepath.Join(dir, name), option); err != nil {
			return err
		}
		for _, c := range h.Controllers {
			if name == c || len(h.Controllers) == 1 {
				continue
			}
			if err := os.Symlink(name, filepath.Join(dir, c)); err != nil {
				return fmt.Errorf("cannot name a control group hierarchy: %w", err)
			}
		}
	}
	if l.V2 == "" {
		return nil
	}
	return mountNew("cgroup2", filepath.Join(dir, "unified"), "")
}

// name is the folder of a hierarchy below /sys/fs/cgroup, and the option that mounts it.
func (h Hierarchy) name() (folder, option string) {
	all := strings.Join(h.Controllers, ",")
	if name, ok := strings.CutPrefix(all, "name="); ok {
		return name, "none," + all
	}
	return all, all
}

func mountNew(fstype, dir, options string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("cannot make a mount point: %w", err)
	}
	return mount(fstype, dir, options)
}

func mount(fstype, dir, options string) error {
	if err := unix.Mount(fstype, dir, fstype, unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, options); err != nil {
		return fmt.Errorf("cannot mount %s (%s) at %s: %w", fstype, options, dir, err)
	}
	return nil
}
