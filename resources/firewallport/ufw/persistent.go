package ufw

import (
	"context"
	"fmt"
	"path"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// freshMode is the mode that the package's script gives a rules file.
const freshMode = 0o640

// SetPersistent changes the files, first that of IPv4 and then that of IPv6, each at once and durably.
func (Owner) SetPersistent(_ context.Context, h *host.Host, out, in []owner.Line) error {
	for _, f := range []family{ipv4(), ipv6()} {
		less, more, err := halves(out, in, f)
		if err != nil {
			return err
		}
		if len(less)+len(more) == 0 {
			continue
		}
		file, err := readFile(h.View(), f)
		if err != nil {
			return err
		}
		before := file.String()
		if err := file.set(less, more); err != nil {
			return err
		}
		if after := file.String(); after != before {
			if err := write(h, f.file, after); err != nil {
				return err
			}
		}
	}
	return nil
}

// halves are the tuples of the lines of one family.
func halves(out, in []owner.Line, f family) (less, more []tuple, err error) {
	if less, err = parseLines(out, f); err != nil {
		return nil, nil, err
	}
	more, err = parseLines(in, f)
	return less, more, err
}

// write replaces a file, or what a link in its place leads to, and keeps its owner and mode.
func write(h *host.Host, name, content string) error {
	attr := host.Attr{Mode: freshMode}
	info, err := h.Files.Lstat(name)
	if err == nil && info.Kind == host.Symlink {
		if name, err = target(h, name); err == nil {
			info, err = h.Files.Lstat(name)
		}
	}
	switch {
	case err == nil:
		attr = host.Attr{Mode: info.Mode, UID: -1, GID: -1}
	case !missing(err):
		return fmt.Errorf("cannot write the rules of ufw: %w", place.Unreadable(err))
	}
	if err := h.Files.Write(name, []byte(content), attr); err != nil {
		return fmt.Errorf("cannot write the rules of ufw: %w", err)
	}
	return nil
}

// target is where a link leads to.
func target(h *host.Host, name string) (string, error) {
	to, err := h.Files.Readlink(name)
	if err != nil {
		return "", err
	}
	if !path.IsAbs(to) {
		to = path.Join(path.Dir(name), to)
	}
	return h.Files.Resolve(to)
}
