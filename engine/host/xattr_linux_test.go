package host_test

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

func TestXattrsOfAWrite(t *testing.T) {
	needRoot(t)
	inBothRoots(t, func(t *testing.T, f *host.Files, dir, real string) {
		makeFile(t, real+"/x", "")
		if err := unix.Setxattr(real+"/x", "user.a", []byte("1"), 0); err != nil {
			t.Skipf("needs extended attributes: %v", err)
		}
		check(t, unix.Setxattr(real+"/x", "security.capability", capability(), 0))
		for _, c := range []struct {
			attr host.Attr
			want map[string]string
		}{
			{keep(0o600), map[string]string{"user.a": "1"}}, // kept, but for what vouches for the content
			{host.Attr{Mode: 0o600, UID: 5, GID: 5, Xattrs: map[string][]byte{"user.b": []byte("2"), "security.capability": capability()}},
				map[string]string{"user.b": "2", "security.capability": string(capability())}},
			{host.Attr{Mode: 0o600, UID: 5, GID: 5, Xattrs: map[string][]byte{}}, map[string]string{}},
		} {
			check(t, f.Write(dir+"/x", []byte("new"), c.attr))
			got, err := f.Xattrs(dir + "/x")
			if err != nil || !sameXattrs(got, c.want) {
				t.Errorf("%+v: %q, %v", c.attr, got, err)
			}
		}
	})
}

// TestHiddenXattrsAreNone: what an overlay keeps for itself makes no difference between two looks.
func TestHiddenXattrsAreNone(t *testing.T) {
	needRoot(t)
	inBothRoots(t, func(t *testing.T, f *host.Files, dir, real string) {
		makeFile(t, real+"/x", "")
		if err := unix.Setxattr(real+"/x", "trusted.overlay.own", []byte("1"), 0); err != nil {
			t.Skipf("needs trusted extended attributes: %v", err)
		}
		got, err := f.Xattrs(dir + "/x")
		whole, wholeErr := f.ReadWhole(dir+"/x", 1)
		if got != nil || err != nil || whole.Xattrs != nil || wholeErr != nil {
			t.Errorf("%q, %v; with the content %q, %v: not nil", got, err, whole.Xattrs, wholeErr)
		}
	})
}

// TestNewOwnerKeepsCapabilities: the kernel takes them away with the owner.
func TestNewOwnerKeepsCapabilities(t *testing.T) {
	needRoot(t)
	inBothRoots(t, func(t *testing.T, f *host.Files, dir, real string) {
		makeFile(t, real+"/ping", "0755 0:0")
		if err := unix.Setxattr(real+"/ping", "security.capability", capability(), 0); err != nil {
			t.Skipf("needs file capabilities: %v", err)
		}
		check(t, f.SetAttr(dir+"/ping", host.Attr{Mode: 0o755, UID: 5, GID: -1}))
		got, err := f.Xattrs(dir + "/ping")
		if err != nil || !sameXattrs(got, map[string]string{"security.capability": string(capability())}) {
			t.Errorf("after the new owner: %q, %v", got, err)
		}
		check(t, f.SetAttr(dir+"/ping", host.Attr{Mode: 0o755, UID: 5, GID: -1, Xattrs: map[string][]byte{}}))
		if got, err := f.Xattrs(dir + "/ping"); err != nil || !sameXattrs(got, nil) {
			t.Errorf("asked to have none: %q, %v", got, err)
		}
	})
}

// capability is an empty set of version 2: it grants nothing and is there all the same.
func capability() []byte {
	return append(binary.LittleEndian.AppendUint32(nil, 0x02000001), make([]byte, 16)...)
}

func sameXattrs(got map[string][]byte, want map[string]string) bool {
	n := 0
	for key, value := range got {
		if key == "security.selinux" {
			continue
		}
		if v, ok := want[key]; !ok || v != string(value) {
			return false
		}
		n++
	}
	return n == len(want)
}

// TestDefaultACL writes into a folder whose default ACL lets user 1234 read and write.
func TestDefaultACL(t *testing.T) {
	needRoot(t)
	acl := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range [][3]uint32{{0x01, 7, ^uint32(0)}, {0x02, 7, 1234}, {0x04, 7, ^uint32(0)}, {0x10, 7, ^uint32(0)}, {0x20, 0, ^uint32(0)}} {
		acl = binary.LittleEndian.AppendUint16(acl, uint16(e[0])) // tag
		acl = binary.LittleEndian.AppendUint16(acl, uint16(e[1])) // permissions
		acl = binary.LittleEndian.AppendUint32(acl, e[2])         // id
	}
	inBothRoots(t, func(t *testing.T, f *host.Files, dir, real string) {
		makeFile(t, real+"/replaced", "0600 0:0")
		if err := unix.Setxattr(real, "system.posix_acl_default", acl, 0); err != nil {
			t.Skipf("needs a file system with ACLs: %v", err)
		}
		check(t, f.Write(dir+"/new", nil, keep(0o640)))
		check(t, f.Write(dir+"/replaced", nil, keep(0o640)))
		check(t, f.Mkdir(dir+"/folder", keep(0o750)))
		for name, want := range map[string]string{"/new": "0640 0:0", "/replaced": "0640 0:0", "/folder": "0750 0:0"} {
			xattrs, err := f.Xattrs(dir + name)
			if _, has := xattrs["system.posix_acl_access"]; has || err != nil {
				t.Errorf("%s has an ACL that nobody asked for: %q, %v", name, xattrs, err)
			}
			if got := modeOwner(t, real+name); got != want {
				t.Errorf("%s is %s, want %s", name, got, want)
			}
		}
	})
}
