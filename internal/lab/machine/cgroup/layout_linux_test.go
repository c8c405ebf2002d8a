package cgroup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

const (
	root    = "27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard\n"
	systemd = "40 31 0:37 / /sys/fs/cgroup/systemd rw,nosuid shared:9 - cgroup cgroup rw,xattr,release_agent=/lib/systemd/systemd-cgroups-agent,name=systemd\n"
	unified = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n"
	cpu     = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:2 - cgroup cgroup rw,cpu,cpuacct\n"
	memory  = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
	pure    = "29 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n"
)

// How a host's hierarchies are told from its mounts. There is no host with version 2 alone to run on here: for
// that one this is what stands for it.
func TestParse(t *testing.T) {
	v1 := []Hierarchy{
		{Controllers: []string{"cpu", "cpuacct"}, Path: "/sys/fs/cgroup/cpu,cpuacct"},
		{Controllers: []string{"memory"}, Path: "/sys/fs/cgroup/memory"},
		{Controllers: []string{"name=systemd"}, Path: "/sys/fs/cgroup/systemd"},
	}
	for _, c := range []struct {
		name, mounts string
		want         *Layout // nil for an error
		err          string
	}{
		{name: "version 1", mounts: root + cpu + memory + systemd, want: &Layout{V1: v1}},
		{name: "both", mounts: root + cpu + memory + systemd + unified, want: &Layout{V1: v1, V2: "/sys/fs/cgroup/unified"}},
		{name: "version 2", mounts: root + pure, want: &Layout{V2: "/sys/fs/cgroup"}},
		{name: "none", mounts: root, err: "none are mounted"},
		{name: "read-only, as in many containers", mounts: root + strings.Replace(pure, " rw,nosuid", " ro,nosuid", 1), err: "read-only"},
		{name: "version 1 without its name", mounts: root + cpu + unified, err: "name=systemd"},
	} {
		got, err := Parse(c.mounts)
		if c.want == nil {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", c.name, err, diff)
		}
	}
}

// A machine's group on a host with version 2 alone gets the controllers that systemd uses. The folder stands for
// a cgroup2 file system: the kernel's part is not in it.
func TestVersion2PassesControllersOn(t *testing.T) {
	top := t.TempDir()
	control := filepath.Join(top, "cgroup.subtree_control")
	for name, content := range map[string]string{"cgroup.controllers": "cpuset cpu io memory hugetlb pids rdma misc\n", "cgroup.subtree_control": ""} {
		if err := os.WriteFile(filepath.Join(top, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	g := (&Layout{V2: top}).Group("machine")
	if err := g.Make(); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(control); string(b) != "+cpuset +cpu +io +memory +pids" {
		t.Errorf("passed on: %q, %v", b, err)
	}
	if err := g.Within("run").Make(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(control); err != nil {
		t.Fatal(err)
	}
	if err := (&Layout{V2: top}).Group("other").Make(); err == nil {
		t.Error("made a group without its controllers")
	}
	if err := g.Remove(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(top, "machine")); !os.IsNotExist(err) {
		t.Errorf("the group is still there: %v", err)
	}
}

// The same on a real cgroup2, be it one that has no controllers left.
func TestRealVersion2(t *testing.T) {
	l, err := Read()
	if err != nil {
		t.Skipf("needs control groups: %v", err)
	}
	var fs unix.Statfs_t
	if l.V2 == "" || unix.Statfs(l.V2, &fs) != nil || fs.Type != unix.CGROUP2_SUPER_MAGIC {
		t.Skip("needs a cgroup2 mount")
	}
	g := l.Unified().Group("agent0-lab-test-" + filepath.Base(t.TempDir()) + "-" + strings.ReplaceAll(t.Name(), "/", "-"))
	if err := g.Make(); err != nil {
		t.Skipf("needs to make control groups: %v", err)
	}
	if err := g.Kill(t.Context()); err != nil {
		t.Error(err)
	}
	if err := g.Remove(t.Context()); err != nil {
		t.Error(err)
	}
	if err := g.Remove(t.Context()); err != nil {
		t.Errorf("removing it again: %v", err)
	}
}
