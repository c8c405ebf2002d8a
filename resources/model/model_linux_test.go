package model

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/enginetest"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
	"github.com/agent0-converge/agent0-converge/resources/model/gguf/gguftest"
)

type (
	files = map[string]hosttest.File
	cases = []enginetest.Case[Spec]
)

const (
	chat  = "/opt/agent0/models/chat.gguf"
	stick = "/media/usb/chat.gguf"
	old   = "/media/usb/old.gguf"
)

// smallest is a model of a few kilobytes: what is done to it is what is done to a large one.
func smallest(seed uint64) gguftest.Options {
	return gguftest.Options{Seed: seed, Name: "Tiny", Layers: 1, Width: 32, Heads: 1, KVHeads: 1, FF: 32, Vocab: 300, Context: 64, Type: gguf.Q8_0}
}

// made is a model's bytes.
func made(t testing.TB, o gguftest.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := gguftest.Write(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func sum(content string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(content))) }

func size(content string) string { return fmt.Sprint(len(content)) }

func folders(more files) files {
	out := files{"/media/usb": {Dir: true}, "/var/lib": {Dir: true}, "/opt": {Dir: true},
		"/etc/passwd": {Content: "root:x:0:0::/root:/bin/sh\nagent0:x:998:998::/:/bin/sh\n"}, "/etc/group": {Content: "root:x:0:\nagent0:x:998:\n"}}
	for name, f := range more {
		out[name] = f
	}
	return out
}

// fetched puts the model of seed 2 where the plan wants another, as an earlier run would have.
func fetched(t *testing.T, m *hosttest.Machine) {
	content := made(t, smallest(2))
	m.Put(old, hosttest.File{Content: content})
	spec := &Spec{Path: chat, Sources: []string{"file://" + old}, SHA256: sum(content)}
	spec.Default()
	if err := m.Host().Files.MkdirAll("/opt/agent0/models", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := (resource{}).Apply(t.Context(), m.Host(), nil, spec); err != nil {
		t.Fatal(err)
	}
	m.Reset()
}

func TestConverges(t *testing.T) {
	content := made(t, smallest(1))
	usb := files{stick: {Content: content}}
	spec := func(change ...func(*Spec)) *Spec {
		s := &Spec{Path: chat, Sources: []string{"file://" + stick}, SHA256: sum(content), Size: size(content)}
		for _, c := range change {
			c(s)
		}
		return s
	}
	enginetest.Converges(t, Kind(), cases{
		{Name: "nothing there, nor its folder", Files: folders(usb), Spec: spec(), Want: engine.Create},
		{Name: "in an image", Offline: true, Files: folders(usb), Spec: spec(), Want: engine.Create},
		{Name: "another model", Files: folders(usb), Prepare: fetched, Spec: spec(), Want: engine.Update},
		{Name: "put there by hand", Files: folders(files{chat: {Content: content}}), Spec: spec(func(s *Spec) { s.Sources = nil }), Want: engine.Update},
		{Name: "an owner and a mode", Files: folders(usb), Spec: spec(func(s *Spec) { s.Owner, s.Group, s.Mode = "agent0", "agent0", "0640" }), Want: engine.Create},
		{Name: "unverified", Files: folders(usb), Want: engine.Create,
			Spec: spec(func(s *Spec) { s.SHA256, s.Size, s.Unverified = "", "", true })},
		{Name: "removed", Files: folders(nil), Prepare: fetched, Spec: &Spec{Path: chat}, Absent: true, Want: engine.Remove},
	})
}

func TestRefuses(t *testing.T) {
	content := made(t, smallest(1))
	folder := folders(files{"/opt/agent0/models": {Dir: true}})
	enginetest.Converges(t, Kind(), cases{
		{Name: "no sources", Files: folder, Spec: &Spec{Path: chat, SHA256: sum(content)}, Err: "has no sources: say them, or put it there by hand"},
		{Name: "a directory", Files: folders(files{chat: {Dir: true}}), Spec: &Spec{Path: chat, SHA256: sum(content)}, Err: "is a directory, not a model"},
		{Name: "a link", Files: folders(files{chat: {Link: "/x"}}), Spec: &Spec{Path: chat, SHA256: sum(content)}, Err: "is a symlink to /x"},
		{Name: "no room", Files: folder, Spec: &Spec{Path: chat, SHA256: sum(content), Size: "900TiB", Sources: []string{"file:///x"}}, Err: "no room: 900 TiB more are needed on the disk of /opt/agent0/models"},
	})
}

// A size with a unit is exact to its last digit.
func TestSizes(t *testing.T) {
	for _, c := range []struct{ said, want string }{
		{"4404019200", "4404019200-4404019200"},
		{"1KiB", "512-1536"},
		{"4.1GiB", "4348654387-4456028569"},
		{"4.4 GB", "4350000000-4450000000"},
		{"", "0-0"},
	} {
		got, err := parseSize(c.said)
		if err != nil || fmt.Sprintf("%d-%d", got.min, got.max) != c.want {
			t.Errorf("%q is %d-%d, %v; want %s", c.said, got.min, got.max, err, c.want)
		}
	}
	for _, said := range []string{"0", "-1", "4.1", "4 gigs", "1e9", "GiB", "99999999999TiB", "1..2MB"} {
		if got, err := parseSize(said); err == nil {
			t.Errorf("%q is taken as %v", said, got)
		}
	}
}

func TestShardsOfSources(t *testing.T) {
	got := renamed([]string{"https://x.example/big-00001-of-00002.gguf?download=true", "oci://r.example/big"}, "big-00001-of-00002.gguf", "big-00002-of-00002.gguf")
	if want := "https://x.example/big-00002-of-00002.gguf?download=true oci://r.example/big"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}
