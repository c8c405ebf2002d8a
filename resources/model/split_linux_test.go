package model

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/resources/model/gguf/gguftest"
)

// shard is a file that is written in memory.
type shard struct{ bytes.Buffer }

func (*shard) Close() error { return nil }

// shards are the files of a model that is split, by name.
func shards(t *testing.T, seed uint64, count int) map[string]string {
	t.Helper()
	made := map[string]*shard{}
	err := gguftest.WriteShards(smallest(seed), "big", count, func(name string) (io.WriteCloser, error) {
		made[name] = &shard{}
		return made[name], nil
	})
	if err != nil || len(made) != count {
		t.Fatalf("made %d shards: %v", len(made), err)
	}
	out := map[string]string{}
	for name, s := range made {
		out[name] = s.String()
	}
	return out
}

// onStick puts files on the stick.
func onStick(content map[string]string) files {
	out := folders(nil)
	for name, c := range content {
		out["/media/usb/"+name] = hosttest.File{Content: c}
	}
	return out
}

// split is a block for them.
func split(content map[string]string) *Spec {
	names := slices.Sorted(maps.Keys(content))
	first := names[0]
	s := &Spec{Path: "/opt/models/" + first, Sources: []string{"file:///media/usb/" + first}, SHA256: sum(content[first])}
	for _, name := range names[1:] {
		s.Shards = append(s.Shards, Shard{Name: name, SHA256: sum(content[name]), Size: size(content[name])})
	}
	return s
}

// Of a model of which a shard was there, undo leaves that one.
func TestSplitModelGoesBack(t *testing.T) {
	content := shards(t, 1, 2)
	names := slices.Sorted(maps.Keys(content))
	half := onStick(content)
	half["/opt/models/"+names[1]] = hosttest.File{Content: content[names[1]]}
	m := hosttest.New(t, hosttest.Config{Files: half})
	spec := split(content)
	spec.Default()
	before := reads(t, m.View(), spec)
	settles(t, m.Host(), spec)
	now := reads(t, m.View(), spec)
	if diff := (resource{}).Diff(now, spec); len(diff) > 0 {
		t.Fatalf("it differs still: %v", diff)
	}
	if err := (resource{}).Apply(t.Context(), m.Host(), now, before); err != nil {
		t.Fatal(err)
	}
	if diff := (resource{}).Diff(reads(t, m.View(), before), before); len(diff) > 0 {
		t.Errorf("after the undo it differs: %v", diff)
	}
	if _, err := m.View().Files.Lstat("/opt/models/" + names[0]); err == nil {
		t.Error("the shard that was not there is there after the undo")
	}
	if m.Get("/opt/models/"+names[1]) != content[names[1]] {
		t.Error("the shard that was there is gone")
	}
}

// A model that is split is published when all of it is there and fits together.
func TestSplitModel(t *testing.T) {
	content := shards(t, 1, 3)
	names := slices.Sorted(maps.Keys(content))
	for name, c := range map[string]struct {
		change func(stick map[string]string, s *Spec)
		err    string
	}{
		"whole":               {func(map[string]string, *Spec) {}, ""},
		"a shard is missing":  {func(on map[string]string, _ *Spec) { delete(on, names[2]) }, "there is no such file"},
		"the first one alone": {func(_ map[string]string, s *Spec) { s.Shards = nil }, "is shard 1 of 3: the model needs a shard block for each of the others"},
		"of another model": {func(on map[string]string, s *Spec) {
			on[names[1]] = shards(t, 2, 2)["big-00002-of-00002.gguf"]
			s.Shards[0].SHA256, s.Shards[0].Size = sum(on[names[1]]), ""
		}, "cannot take shard 2 of 3"},
	} {
		t.Run(name, func(t *testing.T) {
			stick, spec := maps.Clone(content), split(content)
			c.change(stick, spec)
			spec.Default()
			m := hosttest.New(t, hosttest.Config{Files: onStick(stick)})
			if err := m.Host().Files.MkdirAll("/opt/models", 0o755); err != nil {
				t.Fatal(err)
			}
			err := resource{}.Apply(t.Context(), m.Host(), nil, spec)
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Fatalf("the error is %v, want %q", err, c.err)
			}
			for _, n := range names {
				_, lookErr := m.View().Files.Lstat("/opt/models/" + n)
				if (lookErr == nil) != (c.err == "") {
					t.Errorf("%s: %v", n, lookErr)
				}
			}
		})
	}
}

// The mistakes of a block for a model that is split.
func TestSplitModelMistakes(t *testing.T) {
	for _, c := range []struct {
		change func(*Spec)
		err    string
	}{
		{func(*Spec) {}, ""},
		{func(s *Spec) { s.Path = "/opt/models/big.gguf" }, "begins with a file such as chat-00001-of-00003.gguf"},
		{func(s *Spec) { s.Shards = s.Shards[:1] }, "the path says that there are 3 files, and there are 1 shard blocks"},
		{func(s *Spec) { slices.Reverse(s.Shards) }, `"big-00003-of-00003.gguf" is not shard 2, which llama.cpp looks for as big-00002-of-00003.gguf`},
		{func(s *Spec) { s.Shards[0].SHA256 = "" }, "without a sha256"},
		{func(s *Spec) { s.Shards[0].Size = "big" }, `"big" is no size`},
		{func(s *Spec) { s.SHA256, s.Unverified = "", true }, "is put together by the sha256 of its files"},
	} {
		s := split(shards(t, 1, 3))
		c.change(s)
		s.Default()
		if err := s.Validate(); fmt.Sprint(err) != "<nil>" && c.err == "" || c.err != "" && !strings.Contains(fmt.Sprint(err), c.err) {
			t.Errorf("the mistake is %v, want %q", err, c.err)
		}
	}
}
