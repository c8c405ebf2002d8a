package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/internal/lab/machine/cgroup"
	"github.com/agent0-converge/agent0-converge/internal/lab/machine/control"
)

// cleanLimit bounds how long dying processes are waited for: one in the middle of a large write takes long.
const cleanLimit = 2 * time.Minute

// supervisor is the state of one machine.
type supervisor struct {
	name   string
	setup  control.Setup
	layout *cgroup.Layout
	group  cgroup.Group
	out    *json.Encoder
	boot   *boot // nil while the machine is off
}

func (s *supervisor) merged() string { return filepath.Join(s.setup.Dir, "merged") }

// supervise serves one machine until its owner goes.
func supervise(name string) error {
	socket := os.NewFile(channel, "control")
	in := json.NewDecoder(socket)
	s := &supervisor{name: name, out: json.NewEncoder(socket)}
	if err := in.Decode(&s.setup); err != nil {
		return fmt.Errorf("cannot learn what machine to make: %w", err)
	}
	if err := s.prepare(); err != nil {
		return errors.Join(s.out.Encode(control.Reply{Error: err.Error()}), s.clean())
	}
	if err := s.out.Encode(control.Reply{Merged: s.merged()}); err != nil {
		return errors.Join(err, s.clean())
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	s.serve(ctx, requests(in))
	return s.clean()
}

// requests passes on what the owner asks for until the owner is gone. It ends with the process.
func requests(in *json.Decoder) <-chan control.Request {
	out := make(chan control.Request)
	go func() {
		defer close(out)
		for {
			var r control.Request
			if in.Decode(&r) != nil {
				return
			}
			out <- r
		}
	}()
	return out
}

// serve returns when the owner is gone. An answer that cannot be sent is no error: requests ends too then.
func (s *supervisor) serve(ctx context.Context, requests <-chan control.Request) {
	for {
		var ended <-chan string
		if s.boot != nil {
			ended = s.boot.ended
		}
		select {
		case <-ctx.Done():
			return
		case r, ok := <-requests:
			if !ok {
				return
			}
			s.do(r)
		case how := <-ended:
			err := s.afterBoot()
			_ = s.out.Encode(control.Reply{Ended: how, Error: text(err)})
		}
	}
}

func (s *supervisor) do(r control.Request) {
	switch {
	case r.Do == control.Boot && s.boot == nil:
		b, err := s.start()
		if err != nil {
			err = errors.Join(err, s.removeGroup())
			_ = s.out.Encode(control.Reply{Error: err.Error()})
			return
		}
		s.boot = b
		_ = s.out.Encode(control.Reply{PID: b.init.Pid})
	case r.Do == control.Boot:
		_ = s.out.Encode(control.Reply{Error: "cannot boot a machine that is running"})
	case r.Do == control.Signal && s.boot != nil:
		_ = s.boot.init.Signal(unix.Signal(r.Signal)) // the machine may just have ended
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// prepare makes the folder and mounts the overlay, where only this process sees it.
func (s *supervisor) prepare() error {
	layout, err := cgroup.Read()
	if err != nil {
		return err
	}
	if s.setup.Unified {
		layout = layout.Unified()
	}
	s.layout, s.group = layout, layout.Group(s.name)
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("cannot have mounts of its own: %w", err)
	}
	if strings.ContainsAny(s.setup.Root+s.setup.Dir, `:,\`) {
		return fmt.Errorf("cannot mount an overlay of %s in %s: a name has one of : , \\", s.setup.Root, s.setup.Dir)
	}
	if err := os.Mkdir(s.setup.Dir, 0o700); err != nil {
		return fmt.Errorf("cannot make the machine's folder: %w", err)
	}
	return s.mountOverlay()
}

func (s *supervisor) mountOverlay() error {
	disk := filepath.Join(s.setup.Dir, "disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		return fmt.Errorf("cannot make the machine's folder: %w", err)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(disk, &fs); err != nil {
		return fmt.Errorf("cannot tell the file system of %s: %w", disk, err)
	}
	// An overlay cannot write to another overlay, which is what a container's own files are on.
	if s.setup.InMemory || fs.Type == unix.OVERLAYFS_SUPER_MAGIC {
		if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("cannot mount memory for the overlay: %w", err)
		}
	}
	upper, work := filepath.Join(disk, "upper"), filepath.Join(disk, "work")
	for _, d := range []string{upper, work, s.merged()} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return fmt.Errorf("cannot make the machine's folder: %w", err)
		}
	}
	// redirect_dir: folders of the root can be renamed, as on any other file system.
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s,redirect_dir=on", s.setup.Root, upper, work)
	if err := unix.Mount("overlay", s.merged(), "overlay", 0, options); err != nil {
		return fmt.Errorf("cannot mount an overlay (%s): %w", options, err)
	}
	return nil
}

// clean takes everything down, whatever state it is in.
func (s *supervisor) clean() error {
	var errs []error
	if s.boot != nil {
		// It cannot refuse, and its end takes every process of the machine along.
		errs = append(errs, s.boot.init.Kill())
		<-s.boot.ended
		errs = append(errs, s.afterBoot())
	}
	// Not a folder below a mount must be removed as if it were the machine's.
	for _, d := range []string{s.merged(), filepath.Join(s.setup.Dir, "disk")} {
		err := unix.Unmount(d, unix.MNT_DETACH)
		if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) { // not a mount, not there
			return errors.Join(append(errs, fmt.Errorf("cannot unmount %s: %w", d, err))...)
		}
	}
	return errors.Join(append(errs, os.RemoveAll(s.setup.Dir))...)
}

// removeGroup kills who entered the machine and is not of its process namespace, and removes the groups.
func (s *supervisor) removeGroup() error {
	ctx, cancel := context.WithTimeout(context.Background(), cleanLimit)
	defer cancel()
	if err := s.group.Kill(ctx); err != nil {
		return err
	}
	return s.group.Remove(ctx)
}

// afterBoot removes what a boot has left, its PID 1 having ended.
func (s *supervisor) afterBoot() error {
	err := errors.Join(s.boot.console.close(), s.removeGroup())
	s.boot = nil
	return err
}
