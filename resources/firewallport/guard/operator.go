package guard

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// process is what /proc tells of one (proc_pid_stat(5)).
type process struct {
	pid, parent int
	name        string
	started     string // in ticks since the kernel's start
}

// readProcess reads /proc/PID/stat. The name stands in parentheses, and may have others in it.
func readProcess(t host.Tree, pid int) (process, error) {
	file := fmt.Sprintf("/proc/%d/stat", pid)
	b, err := t.ReadFile(file)
	if err != nil {
		return process{}, err
	}
	text := string(b)
	from, to := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if from < 0 || to < from {
		return process{}, fmt.Errorf("cannot read %s: it names no program", file)
	}
	const parent, started = 1, 19 // of the fields after the name
	fields := strings.Fields(text[to+1:])
	if len(fields) <= started {
		return process{}, fmt.Errorf("cannot read %s: it has %d fields after the name", file, len(fields))
	}
	p := process{pid: pid, name: text[from+1 : to], started: fields[started]}
	if p.parent, err = strconv.Atoi(fields[parent]); err != nil {
		return process{}, fmt.Errorf("cannot read %s: %w", file, err)
	}
	return p, nil
}

// gone reports whether a process ended while it was looked at.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) }

// maxAncestors bounds the way up: a process's parent may change meanwhile.
const maxAncestors = 1024

// operator returns the connections through which sshd let in whoever started this process: what SSH_CONNECTION says
// (ssh(1)) in its environment and in those of the processes that it descends from, as sudo takes it away. A process in a
// terminal multiplexer (tmux, screen) descends from its server, whose environment is that of whoever was first there: so
// those who are attached to one of the same user are asked too. None means a console, or a timer.
func operator(t host.Tree) ([]session, error) {
	self, err := t.Readlink("/proc/self")
	if err != nil {
		return nil, fmt.Errorf("cannot find out from where this program was started: %w", err)
	}
	pid, err := strconv.Atoi(self)
	if err != nil {
		return nil, fmt.Errorf("cannot find out from where this program was started: /proc/self leads to %q", self)
	}
	found, server, err := ancestry(t, pid)
	if err != nil || server == 0 {
		return found, err
	}
	clients, err := attached(t, server)
	if err != nil {
		return nil, err
	}
	for _, client := range clients {
		more, _, err := ancestry(t, client)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	return distinct(found), nil
}

func distinct(all []session) (out []session) {
	for _, s := range all {
		if !within(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// ancestry walks from a process up to the first, and returns the connections that are named on the way, and the server of a
// multiplexer, 0 for none.
func ancestry(t host.Tree, pid int) (found []session, server int, err error) {
	for range maxAncestors {
		if pid <= 0 {
			break
		}
		p, err := readProcess(t, pid)
		if gone(err) {
			break
		}
		if err != nil {
			return nil, 0, err
		}
		if s, ok, err := connectionIn(t, pid); err != nil {
			return nil, 0, err
		} else if ok {
			found = append(found, s)
		}
		if multiplexer(p.name) && server == 0 {
			server = pid
		}
		pid = p.parent
	}
	return distinct(found), server, nil
}

// multiplexer reports whether a program is one. tmux calls its processes "tmux: server" and "tmux: client".
func multiplexer(name string) bool {
	return strings.HasPrefix(name, "tmux") || strings.EqualFold(name, "screen")
}

// attached lists the processes of multiplexers that belong to the user of one, but that one.
func attached(t host.Tree, server int) ([]int, error) {
	info, err := t.Stat(fmt.Sprintf("/proc/%d", server))
	if gone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []int
	err = processes(t, func(p process) error {
		if p.pid == server || !multiplexer(p.name) {
			return nil
		}
		if other, err := t.Stat(fmt.Sprintf("/proc/%d", p.pid)); err == nil && other.UID == info.UID {
			out = append(out, p.pid)
		} else if err != nil && !gone(err) {
			return err
		}
		return nil
	})
	return out, err
}

// processes calls f with each process that there is.
func processes(t host.Tree, f func(process) error) error {
	names, err := t.ReadDir("/proc")
	if err != nil {
		return err
	}
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		p, err := readProcess(t, pid)
		if gone(err) {
			continue
		}
		if err == nil {
			err = f(p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// connectionIn returns what SSH_CONNECTION says in the environment of a process.
func connectionIn(t host.Tree, pid int) (session, bool, error) {
	b, err := t.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if gone(err) || errors.Is(err, fs.ErrPermission) { // a process that no user may look into, as of the kernel
		return session{}, false, nil
	}
	if err != nil {
		return session{}, false, err
	}
	variables := strings.Split(string(b), "\x00")
	at := slices.IndexFunc(variables, func(v string) bool { return strings.HasPrefix(v, "SSH_CONNECTION=") })
	if at < 0 {
		return session{}, false, nil
	}
	s, ok := parseConnection(strings.TrimPrefix(variables[at], "SSH_CONNECTION="))
	return s, ok, nil
}

// parseConnection reads the client's address and port and the server's address and port. What is no addresses, such as the
// UNKNOWN of an sshd that was not reached over a network, names no connection.
func parseConnection(text string) (session, bool) {
	words := strings.Fields(text)
	if len(words) != 4 {
		return session{}, false
	}
	remote, err := addrPort(words[0], words[1])
	local, localErr := addrPort(words[2], words[3])
	return session{Local: local, Remote: remote}, err == nil && localErr == nil
}

func addrPort(address, port string) (netip.AddrPort, error) {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return netip.AddrPortFrom(a.Unmap().WithZone(""), uint16(n)), err
}
