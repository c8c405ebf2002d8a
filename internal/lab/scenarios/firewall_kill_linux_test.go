package scenarios

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/internal/lab/machine"
	"github.com/agent0-converge/agent0-converge/internal/lab/trace"
)

// The plans between which a run that changes the firewall is killed: the second changes, adds and drops ports.
const firewallBefore = `
plan { name = "firewall" }

firewall_port "stays" {
  port    = 8000
  sources = ["192.168.0.0/16", "fd00::/8"]
}

firewall_port "changes" {
  ports   = ["8765", "9000-9010"]
  sources = ["10.0.0.0/8"]
  comment = "from within"
}

firewall_port "goes" {
  port     = 5353
  protocol = "udp"
}
`

const firewallAfter = `
plan { name = "firewall" }

firewall_port "stays" {
  port    = 8000
  sources = ["192.168.0.0/16", "fd00::/8"]
}

firewall_port "changes" {
  ports   = ["8765", "9000-9010"]
  sources = ["10.0.0.0/8"]
  comment = "from within, not too often"
  rate    = "100/minute"
}

firewall_port "comes" {
  for_each   = toset(["9091", "9092"])
  port       = each.value
  interfaces = ["lo"]
}
`

// TestFirewallKill kills an apply before and after each of its changes of the machine, what it sends to the kernel's
// packet filter among them. Whatever the moment, the table is all as it was or all as it is to be.
func TestFirewallKill(t *testing.T) {
	h := booted(t)
	machine.GoTest(t, h.Machine, "./", "^TestFirewallKillInside$")
}

func TestFirewallKillInside(t *testing.T) {
	if os.Getenv(machine.InLab) == "" {
		t.Skip("needs to be inside a machine of the lab: TestFirewallKill takes it there")
	}
	dir := t.TempDir()
	before, after := filepath.Join(dir, "before.hcl"), filepath.Join(dir, "after.hcl")
	for name, text := range map[string]string{before: firewallBefore, after: firewallAfter} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tables := map[string]string{}
	for _, plan := range []string{before, after} {
		if err := tell(agent, "apply", "--allow-prune", plan); err != nil {
			t.Fatal(err)
		}
		table, err := ourTable()
		if err != nil {
			t.Fatal(err)
		}
		tables[plan] = table
	}
	old, kept := 0, 0
	sweep := trace.Sweep{
		Dir: t.TempDir(),
		Prepare: func(string) (*exec.Cmd, error) {
			if err := tell(agent, "apply", "--allow-prune", before); err != nil {
				return nil, err
			}
			return exec.Command(agent, "apply", "--allow-prune", after), nil
		},
		Check: func(string, trace.Kill) error {
			table, err := ourTable()
			switch {
			case err != nil:
				return err
			case table == tables[before]:
				old++
			case table == tables[after]:
				kept++
			default:
				return fmt.Errorf("the table is neither the old nor the new one:\n%s", table)
			}
			return firewallArrives(after, tables[after])
		},
		Options: trace.Options{
			Under: []string{"/etc", "/run/agent0-converge", "/var/lib/agent0-converge"},
			Extra: func(s trace.Syscall) bool { return tellsSystemd(s) || changesFilter(s) },
		},
		Retry: 5, Seed: 1,
	}
	report, err := sweep.Run(context.Background())
	t.Log(report)
	if err != nil {
		t.Error(err)
	}
	sends := 0
	for _, p := range report.Points {
		if p.Op == trace.OpOther {
			sends++
		}
	}
	t.Logf("%d of the points are sends to the packet filter or to systemd; %d kills left the old table, %d the new one", sends, old, kept)
	if sends == 0 || report.Fired != len(report.Kills) || old+kept < len(report.Kills) || old == 0 || kept == 0 {
		t.Errorf("%d sends, %d of %d kills fired, %d tables were the old one and %d the new", sends, report.Fired, len(report.Kills), old, kept)
	}
}

// changesFilter reports a batch for the kernel's packet filter, which begins with NFNL_MSG_BATCH_BEGIN
// (linux/netfilter/nfnetlink.h).
func changesFilter(s trace.Syscall) bool {
	const batchBegin = 0x10
	head, err := sent(s)
	return err == nil && len(head) >= 6 && binary.NativeEndian.Uint16(head[4:]) == batchBegin
}

// sent is the beginning of what a call sends to a socket, nil if it sends nothing.
func sent(s trace.Syscall) ([]byte, error) {
	const head = 16
	switch s.Nr {
	case unix.SYS_SENDTO:
		return s.Memory(s.Args[1], int(min(s.Args[2], head)))
	case unix.SYS_SENDMSG:
		// struct msghdr: name, namelen, iov; struct iovec: base, len. All are 64 bits wide.
		msg, err := s.Memory(s.Args[1], 24)
		if err != nil {
			return nil, err
		}
		iov, err := s.Memory(binary.NativeEndian.Uint64(msg[16:]), 16)
		if err != nil {
			return nil, err
		}
		return s.Memory(binary.NativeEndian.Uint64(iov), int(min(binary.NativeEndian.Uint64(iov[8:]), head)))
	}
	return nil, nil
}

var numbers = regexp.MustCompile(`"(handle|bytes|packets)": \d+`)

// ourTable is the table of ours as nft has it, without what the kernel numbers and counts.
func ourTable() (string, error) {
	out, err := exec.Command("nft", "-j", "list", "table", "inet", "agent0").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("nft: %w: %s", err, out)
	}
	return numbers.ReplaceAllString(string(out), `"$1": 0`), nil
}

// firewallArrives is what must hold after any crash, once the plan is applied again.
func firewallArrives(plan, table string) error {
	for _, argv := range [][]string{{agent, "apply", "--allow-prune", plan}, {agent, "plan", "--detailed-exitcode", plan}} {
		if err := tell(argv...); err != nil {
			return err
		}
	}
	got, err := ourTable()
	if err != nil || got != table {
		return errors.Join(err, fmt.Errorf("the table is not the new one:\n%s", got))
	}
	// What is loaded at boot is the same table.
	if err := tell("nft", "-f", "/etc/agent0/firewall.nft"); err != nil {
		return err
	}
	if got, err = ourTable(); err != nil || got != table {
		return errors.Join(err, fmt.Errorf("the table loaded from the file is not the new one:\n%s", got))
	}
	return leftovers("/etc")
}

// leftovers finds what a run that was killed left behind.
func leftovers(dir string) error {
	out, err := exec.Command("find", dir, "-name", ".agent0-converge.*").CombinedOutput()
	if found := strings.TrimSpace(string(out)); err != nil || found != "" {
		return fmt.Errorf("temporary files were left: %s, %w", found, err)
	}
	return nil
}
