package model

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/resources/model/record"
)

// small is a machine whose /opt is a disk of so many bytes.
func small(t *testing.T, size int) *hosttest.Machine {
	t.Helper()
	m := hosttest.New(t, hosttest.Config{Files: folders(nil)})
	if err := unix.Mount("tmpfs", m.Path("/opt"), "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skip("needs to mount a tmpfs:", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(m.Path("/opt"), 0); err != nil {
			t.Error(err)
		}
	})
	return m
}

// wish is a model of a size that is to be made.
func wish(name, size string) *engine.Costed[Spec] {
	s := &Spec{Path: "/opt/" + name, SHA256: sum(name), Size: size, Sources: []string{"https://models.example.com/" + name}}
	s.Default()
	return &engine.Costed[Spec]{Want: s}
}

// The models of a plan are counted together, and a twentieth of the disk stays free.
func TestBudgetCountsAllTogether(t *testing.T) {
	m := small(t, 100<<20)
	all := []*engine.Costed[Spec]{wish("a", "40MiB"), wish("b", "50MiB"), wish("c", "6MiB"), wish("d", "")}
	optional := wish("e", "1GiB")
	optional.Want.Required = new(bool)
	all = append(all, optional)
	resource{}.Budget(t.Context(), m.View(), all)
	for i, want := range []struct{ text, err string }{
		{"fetch 40 MiB from models.example.com, disk 100 MiB → 60 MiB free, about 3 s at 100 Mbit/s", ""},
		{"fetch 50 MiB from models.example.com, disk 60 MiB → 10 MiB free, about 4 s at 100 Mbit/s", ""},
		{"", "no room: 6.0 MiB more are needed on the disk of /opt, which has 10 MiB free, and a twentieth of it (5.0 MiB) stays free"},
		{"fetch from models.example.com: how much, nobody says; add size", ""},
		{"is left out: no room: 1.0 GiB more are needed on the disk of /opt, which has 10 MiB free", ""},
	} {
		if got := all[i].Cost.Text; !strings.HasPrefix(got, want.text) {
			t.Errorf("%s costs %q, want %q", all[i].Want.Path, got, want.text)
		}
		if got := fmt.Sprint(all[i].Err); all[i].Err == nil && want.err != "" || all[i].Err != nil && (want.err == "" || !strings.HasPrefix(got, want.err)) {
			t.Errorf("%s: the error is %q, want %q", all[i].Want.Path, got, want.err)
		}
	}
}

// How long it takes follows from the last time that the same host sent something.
func TestBudgetGoesByTheLastTime(t *testing.T) {
	m := small(t, 100<<20)
	last := record.Record{Path: "/opt/old", From: "https://models.example.com/old", Fetched: 10 << 20, Seconds: 10}
	other := record.Record{Path: "/opt/other", From: "https://other.example.com/x", Fetched: 10 << 20, Seconds: 1}
	for _, r := range []record.Record{last, other} {
		r.Verified = r.Verified.AddDate(2025, 0, len(r.Path))
		if err := r.Write(m.Host().Files); err != nil {
			t.Fatal(err)
		}
	}
	c := wish("a", "40MiB")
	resource{}.Budget(t.Context(), m.View(), []*engine.Costed[Spec]{c})
	if c.Seconds != 40 || !strings.HasSuffix(c.Cost.Text, ", about 40 s") {
		t.Errorf("it takes %v s: %s", c.Seconds, c.Cost.Text)
	}
}

// A disk that fills up while a model comes is an error that says so; the model that was there stays, and so does what
// was fetched, for a run that has more room.
func TestDiskFull(t *testing.T) {
	content := strings.Repeat("all work and no play", 200_000) // 4 MB
	m := small(t, 6<<20)
	m.Put("/media/usb/big.bin", hosttest.File{Content: content})
	m.Put("/opt/big.bin", hosttest.File{Content: "the old one"})
	m.Put("/opt/other", hosttest.File{Content: strings.Repeat("x", 3<<20)})
	// Without a size, nobody knows beforehand.
	spec := &Spec{Path: "/opt/big.bin", Sources: []string{"file:///media/usb/big.bin"}, SHA256: sum(content)}
	spec.Default()
	err := resource{}.Apply(t.Context(), m.Host(), reads(t, m.View(), spec), spec)
	if err == nil || !strings.Contains(err.Error(), "no room") || !strings.Contains(err.Error(), "models prune") {
		t.Errorf("the error is %v", err)
	}
	if got := m.Get("/opt/big.bin"); got != "the old one" {
		t.Errorf("what was there is now %.20q…", got)
	}
	m.Delete("/opt/other")
	settles(t, m.Host(), spec)
	if m.Get("/opt/big.bin") != content {
		t.Error("the model is not what it should be")
	}
}

// Who has the old model mapped goes on with it: a published file is never written to.
func TestPublishedIsNeverWritten(t *testing.T) {
	before, after := made(t, smallest(1)), made(t, smallest(2))
	m := hosttest.New(t, hosttest.Config{Files: folders(files{stick: {Content: before}})})
	spec := &Spec{Path: chat, Sources: []string{"file://" + stick}, SHA256: sum(before)}
	spec.Default()
	if err := m.Host().Files.MkdirAll("/opt/agent0/models", 0o755); err != nil {
		t.Fatal(err)
	}
	settles(t, m.Host(), spec)
	f, err := os.Open(m.Path(chat))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	mapped, err := unix.Mmap(int(f.Fd()), 0, len(before), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(mapped) }()
	m.Put(stick, hosttest.File{Content: after})
	spec.SHA256 = sum(after)
	settles(t, m.Host(), spec)
	if string(mapped) != before {
		t.Error("the file that was mapped has changed")
	}
	if m.Get(chat) != after {
		t.Error("the new model is not in its place")
	}
}

// Where the file system has fs-verity the kernel watches over a model, and that is how it is known: also where its
// times have changed.
func TestKnownByVerity(t *testing.T) {
	content := made(t, smallest(1))
	m := hosttest.New(t, hosttest.Config{Files: folders(files{stick: {Content: content}})})
	if err := m.Host().Files.MkdirAll("/opt/agent0/models", 0o755); err != nil {
		t.Fatal(err)
	}
	spec := &Spec{Path: chat, Sources: []string{"file://" + stick}, SHA256: sum(content)}
	spec.Default()
	settles(t, m.Host(), spec)
	if sum, err := m.View().Files.Verity(chat); sum == nil || err != nil {
		t.Skipf("needs a temporary folder on a file system with fs-verity, and a kernel that has it (CONFIG_FS_VERITY): %v", err)
	}
	if err := os.Chmod(m.Path(chat), 0o600); err != nil { // which moves the ctime
		t.Fatal(err)
	}
	if by := knownBy(t, another(t, m)); by != record.ByVerity {
		t.Errorf("it is known by %q", by)
	}
	if f, err := os.OpenFile(m.Path(chat), os.O_WRONLY, 0); err == nil {
		f.Close()
		t.Error("a model under fs-verity can be opened for writing")
	}
	// It can be replaced as a whole, and removed.
	next := made(t, smallest(2))
	m.Put(stick, hosttest.File{Content: next})
	spec.SHA256 = sum(next)
	settles(t, m.Host(), spec)
	if m.Get(chat) != next {
		t.Error("the new model is not in its place")
	}
	if err := (resource{}).Apply(t.Context(), m.Host(), reads(t, m.View(), spec), nil); err != nil {
		t.Error(err)
	}
}

func knownBy(t *testing.T, h *host.Host) record.Means {
	t.Helper()
	r, err := record.Of(h.Files.Tree, chat)
	if err != nil || r == nil {
		t.Fatalf("the record is %v, %v", r, err)
	}
	info, err := h.Files.Lstat(chat)
	if err != nil {
		t.Fatal(err)
	}
	by, err := r.Holds(h.Files.Tree, info)
	if err != nil {
		t.Fatal(err)
	}
	return by
}

// Of a model that is as it should be no source is asked, whatever it serves by now.
func TestNoSourceIsAskedAgain(t *testing.T) {
	content := made(t, smallest(1))
	m := hosttest.New(t, hosttest.Config{Files: folders(files{chat: {Content: content}})})
	spec := &Spec{Path: chat, Sources: []string{"file:///nowhere"}, SHA256: sum(content)}
	spec.Default()
	settles(t, m.Host(), spec)
	have := reads(t, m.View(), spec)
	if (resource{}).Prepares(have, spec) || len((resource{}).Diff(have, spec)) > 0 {
		t.Error("a model that is as it should be is to be fetched")
	}
	if err := (resource{}).Prepare(context.Background(), m.Host(), have, spec, nil); err != nil {
		t.Error(err)
	}
}
