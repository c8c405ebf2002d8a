package guard

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/unitfile"
)

// sshPorts lists the TCP ports on which an sshd waits for connections, itself or by a socket of systemd.
func sshPorts(ctx context.Context, v host.View, conns []connection) ([]uint16, error) {
	byInode, established := map[string]uint16{}, map[string]bool{}
	var open []uint16
	for _, c := range conns {
		inode := fmt.Sprintf("socket:[%d]", c.inode)
		switch {
		case c.state == listening:
			byInode[inode] = c.Local.Port()
			open = append(open, c.Local.Port())
		case c.established():
			established[inode] = true
		}
	}
	var ports []uint16
	err := processes(v.Files, func(p process) error {
		if p.name != "sshd" && p.name != "dropbear" {
			return nil
		}
		found, err := listens(v.Files, p.pid, byInode, established)
		ports = append(ports, found...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot find out where sshd listens: %w", err)
	}
	handed, err := socketPorts(ctx, v)
	if err != nil {
		return nil, err
	}
	for _, port := range handed {
		if slices.Contains(open, port) {
			ports = append(ports, port)
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports), nil
}

// listens lists the ports that a process has open. Of one that has a connection there are none: it is an sshd that serves
// somebody, and what it listens to is forwarded to them.
func listens(t host.Tree, pid int, ports map[string]uint16, established map[string]bool) (out []uint16, err error) {
	entries, err := t.Scan(fmt.Sprintf("/proc/%d/fd", pid))
	if gone(err) || errors.Is(err, fs.ErrPermission) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if established[e.Target] {
			return nil, nil
		}
		if port, ok := ports[e.Target]; ok {
			out = append(out, port)
		}
	}
	return out, nil
}

// defaultPort is that of a socket of which the files do not tell (sshd_config(5)).
const defaultPort = 22

// socketPorts lists the ports on which systemd listens for sshd: Debian calls the unit ssh.socket, others sshd.socket.
func socketPorts(ctx context.Context, v host.View) ([]uint16, error) {
	if !v.Units.Running() {
		return nil, nil
	}
	var ports []uint16
	for _, name := range []string{"ssh.socket", "sshd.socket"} {
		st, err := v.Units.State(ctx, name)
		if err != nil {
			return nil, err
		}
		if st.Active != "active" {
			continue
		}
		found := listenStreams(v.Files, append([]string{st.Fragment}, st.DropIns...))
		if len(found) == 0 {
			found = []uint16{defaultPort}
		}
		ports = append(ports, found...)
	}
	return ports, nil
}

// listenStreams reads ListenStream= of a socket's files (systemd.socket(5)). An empty value forgets those before it. A file
// that cannot be read says nothing: what remains is the default.
func listenStreams(t host.Tree, files []string) (ports []uint16) {
	for _, name := range files {
		b, err := t.ReadFile(name)
		if err != nil || !path.IsAbs(name) {
			continue
		}
		f, err := unitfile.Parse(b)
		if err != nil {
			continue
		}
		for _, section := range f.Sections {
			if section.Name != "Socket" {
				continue
			}
			for _, set := range section.Settings {
				if set.Key == "ListenStream" && set.Value == "" {
					ports = nil
				} else if port, ok := streamPort(set.Value); ok && set.Key == "ListenStream" {
					ports = append(ports, port)
				}
			}
		}
	}
	return ports
}

// streamPort is the port of "22", "0.0.0.0:22" or "[::]:22".
func streamPort(text string) (uint16, bool) {
	n, err := strconv.ParseUint(text[strings.LastIndexByte(text, ':')+1:], 10, 16)
	return uint16(n), err == nil && n > 0
}
