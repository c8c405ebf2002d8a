package model

import (
	"bufio"
	"context"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/resources/model/record"
)

// readSoFar is how many bytes this process has read (proc_pid_io(5), rchar).
func readSoFar(t *testing.T) int64 {
	t.Helper()
	f, err := os.Open("/proc/self/io")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if n, ok := strings.CutPrefix(lines.Text(), "rchar: "); ok {
			v, err := strconv.ParseInt(n, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatal("/proc/self/io has no rchar")
	return 0
}

// sparseSum is the SHA-256 of 4 GiB of zeros, as sha256sum(1) says.
const sparseSum = "8479e43911dc45e89f934fe48d01297e16f51d17aa561d4d1c216b1ae0fcddca"

// A model that a record vouches for is not read, however large it is; --verify reads it.
func TestKnownWithoutReading(t *testing.T) {
	m := hosttest.New(t, hosttest.Config{Files: folders(files{"/opt/big.bin": {}})})
	const size = 4 << 30
	if err := os.Truncate(m.Path("/opt/big.bin"), size); err != nil {
		t.Fatal(err)
	}
	spec := &Spec{Path: "/opt/big.bin", SHA256: sparseSum, Size: "4GiB"}
	spec.Default()
	settles(t, m.Host(), spec)

	h := another(t, m) // that remembers nothing of what was read
	before := readSoFar(t)
	have := reads(t, h.View(), spec)
	if n := readSoFar(t) - before; n > 1<<20 {
		t.Errorf("%d bytes were read to find that nothing changed", n)
	}
	if diff := (resource{}).Diff(have, spec); len(diff) > 0 {
		t.Errorf("the second run finds %v", diff)
	}

	v := h.View()
	v.Reread = true
	before = readSoFar(t)
	have = reads(t, v, spec)
	if n := readSoFar(t) - before; n < size {
		t.Errorf("--verify read %d of %d bytes", n, int64(size))
	}
	if diff := (resource{}).Diff(have, spec); len(diff) > 0 {
		t.Errorf("--verify finds %v", diff)
	}
}

// settles applies spec to what is there.
func settles(t *testing.T, h *host.Host, spec *Spec) {
	t.Helper()
	if err := (resource{}).Apply(t.Context(), h, reads(t, h.View(), spec), spec); err != nil {
		t.Fatal(err)
	}
}

func reads(t *testing.T, v host.View, spec *Spec) *Spec {
	t.Helper()
	have, err := resource{}.Read(context.Background(), v, spec)
	if err != nil {
		t.Fatal(err)
	}
	return have
}

// another opens m's root anew.
func another(t *testing.T, m *hosttest.Machine) *host.Host {
	t.Helper()
	h, err := host.Open(host.Options{Root: m.Path("/")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// One byte that changes shows: by the file's times, also where its mtime is put back; and where nothing shows it,
// as on a disk that rots, to who reads.
func TestTampering(t *testing.T) {
	content := made(t, smallest(1))
	m := hosttest.New(t, hosttest.Config{Files: folders(files{chat: {Content: content}})})
	spec := &Spec{Path: chat, SHA256: sum(content)}
	spec.Default()
	settles(t, m.Host(), spec)
	info, err := m.View().Files.Lstat(chat)
	if err != nil {
		t.Fatal(err)
	}

	tampered := []byte(content)
	tampered[len(tampered)/2] ^= 1
	overwrite(t, m.Path(chat), tampered, info.ModTime)
	h := another(t, m)
	if diff := (resource{}).Diff(reads(t, h.View(), spec), spec); len(diff) != 1 || diff[0].Name != "sha256" {
		t.Errorf("a byte that was changed, with the mtime put back: %v", diff)
	}

	// A record that holds all the same, as if the disk had changed the byte by itself.
	known, err := record.Of(h.Files.Tree, chat)
	if err != nil {
		t.Fatal(err)
	}
	now, err := h.Files.Lstat(chat)
	if err != nil {
		t.Fatal(err)
	}
	known.See(now)
	if err := known.Write(h.Files); err != nil {
		t.Fatal(err)
	}
	if diff := (resource{}).Diff(reads(t, another(t, m).View(), spec), spec); len(diff) != 0 {
		t.Errorf("the record does not hold: %v", diff)
	}
	v := another(t, m).View()
	v.Reread = true
	if diff := (resource{}).Diff(reads(t, v, spec), spec); len(diff) != 1 || diff[0].Name != "sha256" {
		t.Errorf("--verify does not find a byte that was changed: %v", diff)
	}
}

// overwrite writes into a file in place, and puts its mtime back.
func overwrite(t *testing.T, name string, content []byte, mtime time.Time) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(name, mtime, mtime); err != nil {
		t.Fatal(err)
	}
}
