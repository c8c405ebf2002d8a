package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// pause is how long to wait before looking again whether a group is empty.
const pause = 10 * time.Millisecond

// Group is a control group of the same name in every hierarchy of a layout.
type Group struct {
	folders []folder
	unified bool // version 2 is all there is
}

// folder is a group in one hierarchy.
type folder struct {
	path    string
	tracks  bool // says which processes belong together, and controls nothing
	v2, set bool // set: has a cpuset
	shared  bool // belongs to the group around this one
}

// Group names a group directly below the mounts of the layout.
func (l *Layout) Group(name string) Group {
	g := Group{unified: len(l.V1) == 0}
	for _, h := range l.V1 {
		g.folders = append(g.folders, folder{
			path:   filepath.Join(h.Path, name),
			tracks: slices.Contains(h.Controllers, "name=systemd"),
			set:    slices.Contains(h.Controllers, "cpuset"),
		})
	}
	if l.V2 != "" {
		g.folders = append(g.folders, folder{path: filepath.Join(l.V2, name), tracks: true, v2: true})
	}
	return g
}

// Within names a group of processes inside this one. It has the limits of this one.
func (g Group) Within(name string) Group {
	in := Group{}
	for _, f := range g.folders {
		if f.tracks {
			f.path = filepath.Join(f.path, name)
		} else {
			f.shared = true
		}
		in.folders = append(in.folders, f)
	}
	return in
}

// Make creates the group.
func (g Group) Make() error {
	for _, f := range g.folders {
		if f.shared {
			continue
		}
		if g.unified {
			if err := delegate(filepath.Dir(f.path)); err != nil {
				return err
			}
		}
		if err := os.Mkdir(f.path, 0o755); err != nil {
			return fmt.Errorf("cannot make a control group: %w", err)
		}
		if f.set {
			if err := inherit(f.path, "cpuset.cpus", "cpuset.mems"); err != nil {
				return err
			}
		}
	}
	return nil
}

// passedOn are the controllers that systemd uses, as far as there are any.
var passedOn = []string{"cpu", "cpuset", "io", "memory", "pids"}

// delegate passes controllers of version 2 on to the groups in a group.
func delegate(dir string) error {
	b, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return fmt.Errorf("cannot tell which controllers there are: %w", err)
	}
	var add []string
	for _, c := range strings.Fields(string(b)) {
		if slices.Contains(passedOn, c) {
			add = append(add, "+"+c)
		}
	}
	if len(add) == 0 {
		return nil
	}
	err = write(filepath.Join(dir, "cgroup.subtree_control"), strings.Join(add, " "))
	if errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("cannot pass controllers on: %s has processes of its own: move them to a group below it: %w", dir, err)
	}
	if err != nil {
		return fmt.Errorf("cannot pass controllers on: %w", err)
	}
	return nil
}

// inherit copies settings without which version 1 lets no process into a new group.
func inherit(dir string, settings ...string) error {
	for _, s := range settings {
		b, err := os.ReadFile(filepath.Join(filepath.Dir(dir), s))
		if err == nil {
			err = write(filepath.Join(dir, s), strings.TrimSpace(string(b)))
		}
		if err != nil {
			return fmt.Errorf("cannot set up a control group: %w", err)
		}
	}
	return nil
}

// Join moves the calling process, with all its threads, into the group.
func (g Group) Join() error {
	for _, f := range g.folders {
		if err := write(filepath.Join(f.path, "cgroup.procs"), "0"); err != nil {
			return fmt.Errorf("cannot join a control group: %w", err)
		}
	}
	return nil
}

// write is os.WriteFile without creating: a control file that is not there is an error.
func write(path, s string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(s)
	return errors.Join(err, f.Close())
}

// Kill kills every process in the group and in the groups below it, and returns when there are none.
func (g Group) Kill(ctx context.Context) error {
	for _, f := range g.folders {
		if !f.tracks {
			continue
		}
		for {
			left, err := killIn(f.path)
			if err != nil {
				return fmt.Errorf("cannot kill what is in %s: %w", f.path, err)
			}
			if left == 0 {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("cannot kill what is in %s: %d processes are left: %w", f.path, left, context.Cause(ctx))
			case <-time.After(pause):
			}
		}
	}
	return nil
}

// killIn sends SIGKILL to all processes in a folder and below, and says how many there were.
func killIn(dir string) (found int, err error) {
	err = eachFolder(dir, func(d string) error {
		b, err := os.ReadFile(filepath.Join(d, "cgroup.procs"))
		if gone(err) {
			return nil
		}
		for _, field := range strings.Fields(string(b)) {
			pid, convErr := strconv.Atoi(field)
			if convErr != nil || pid == 0 { // 0 is a process that this namespace does not see
				return fmt.Errorf("process %q cannot be killed from here", field)
			}
			found++
			if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
				return err
			}
		}
		return err
	})
	return found, err
}

// Remove removes the group and the groups in it, which must be empty or about to be. A group that is not
// there is removed already.
func (g Group) Remove(ctx context.Context) error {
	for _, f := range g.folders {
		if f.shared {
			continue
		}
		for {
			err := eachFolder(f.path, func(d string) error {
				if err := unix.Rmdir(d); !gone(err) {
					return err
				}
				return nil
			})
			if err == nil {
				break
			}
			if !errors.Is(err, unix.EBUSY) {
				return fmt.Errorf("cannot remove a control group: %w", err)
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("cannot remove the control group %s: it has processes: %w", f.path, context.Cause(ctx))
			case <-time.After(pause):
			}
		}
	}
	return nil
}

// gone says that a group went while it was looked at.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) }

// eachFolder calls do for dir and all folders below it, the deepest first.
func eachFolder(dir string, do func(string) error) error {
	entries, err := os.ReadDir(dir)
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if err := eachFolder(filepath.Join(dir, e.Name()), do); err != nil {
			return err
		}
	}
	return do(dir)
}

// Probe says why no group can be made here, by making one and removing it.
func (l *Layout) Probe(name string) error {
	g := l.Group(name)
	return errors.Join(g.Make(), g.Remove(context.Background()))
}
