package gguftest_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
	"github.com/agent0-converge/agent0-converge/resources/model/gguf/gguftest"
)

func digest(t *testing.T, o gguftest.Options) string {
	t.Helper()
	h := sha256.New()
	if err := gguftest.Write(h, o); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}

// The same options make the same file, on every machine and with every Go: others write these digests down.
func TestWriteIsTheSameEverywhere(t *testing.T) {
	for kind, want := range map[gguf.TensorType]string{gguf.Q8_0: "170de1b3d087fe3e", gguf.Q4_0: "021a40b6e71cf56c", gguf.F16: "69d7e09e0d5a388b", gguf.F32: "a4a189abdbd7450f"} {
		o := gguftest.Small()
		o.Type = kind
		if got := digest(t, o); got != want {
			t.Errorf("%v: %s, want %s", kind, got, want)
		}
	}
}

func TestAnotherSeedIsAnotherModel(t *testing.T) {
	a, b := gguftest.Small(), gguftest.Small()
	b.Seed++
	if digest(t, a) == digest(t, b) {
		t.Error("the same weights for two seeds")
	}
	ha, _, errA := gguftest.Header(a)
	hb, _, errB := gguftest.Header(b)
	if errA != nil || errB != nil || !bytes.Equal(ha, hb) {
		t.Errorf("the header depends on the seed (%v, %v)", errA, errB)
	}
}

// stream hashes what is written, and knows how much that was, at most at once.
type stream struct {
	hash.Hash
	n    int64
	most int
}

func (s *stream) Write(b []byte) (int, error) {
	s.n += int64(len(b))
	s.most = max(s.most, len(b))
	return s.Hash.Write(b)
}

func TestPresets(t *testing.T) {
	for _, c := range []struct {
		o        gguftest.Options
		from, to int64
	}{{gguftest.Small(), 650_000, 750_000}, {gguftest.Large(), 390_000_000, 410_000_000}} {
		var before, after runtime.MemStats
		s := &stream{Hash: sha256.New()}
		runtime.ReadMemStats(&before)
		if err := gguftest.Write(s, c.o); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if s.n < c.from || s.n > c.to {
			t.Errorf("%s has %d bytes", c.o.Name, s.n)
		}
		if size, err := gguftest.Size(c.o); err != nil || size != s.n {
			t.Errorf("%s: Size tells %d (%v) of %d bytes", c.o.Name, size, err, s.n)
		}
		// Most of it is the header, which is made in one piece, with the names of its fields.
		if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 || s.most > 1<<20 {
			t.Errorf("%s takes %d bytes of memory, and writes %d at once", c.o.Name, used, s.most)
		}
	}
}

// The map of fields has every byte of the header once, and points to what it says.
func TestHeaderMapsEveryByte(t *testing.T) {
	o := gguftest.Small()
	o.Alignment = 64
	o.Split = gguf.Split{Count: 3}
	head, fields, err := gguftest.Header(o)
	if err != nil {
		t.Fatal(err)
	}
	at, parts := int64(0), map[gguftest.Part]bool{}
	for _, f := range fields {
		if f.Offset != at || f.Name == "" {
			t.Fatalf("%+v is not at byte %d", f, at)
		}
		text := string(head[f.Offset : f.Offset+f.Size])
		if (f.Part == gguftest.KeyText || f.Part == gguftest.NameText) && text != f.Owner {
			t.Errorf("%+v is %q", f, text)
		}
		parts[f.Part] = true
		at += f.Size
	}
	if at != int64(len(head)) || len(parts) != int(gguftest.DataOffset)+1 {
		t.Errorf("the map ends at %d of %d, and has %d kinds of parts", at, len(head), len(parts))
	}
}

func TestOptionsThatNoModelCanHave(t *testing.T) {
	for want, change := range map[string]func(*gguftest.Options){
		"of 0 layers":           func(o *gguftest.Options) { o.Layers = 0 },
		"width -1":              func(o *gguftest.Options) { o.Width = -1 },
		"context 0":             func(o *gguftest.Options) { o.Context = 0 },
		"261 tokens at least":   func(o *gguftest.Options) { o.Vocab = gguftest.MinVocab - 1 },
		"tokens at most":        func(o *gguftest.Options) { o.Vocab = 1 << 24 },
		"a head is even":        func(o *gguftest.Options) { o.Heads = 3 },
		"KVHeads divides Heads": func(o *gguftest.Options) { o.KVHeads = 3 },
		"multiples of 32":       func(o *gguftest.Options) { o.FF = 100 },
		"the version is 2 or 3": func(o *gguftest.Options) { o.Version = 1 },
		"a power of two":        func(o *gguftest.Options) { o.Alignment = 48 },
		"no such shard":         func(o *gguftest.Options) { o.Split = gguf.Split{No: 2, Count: 2} },
		"more shards":           func(o *gguftest.Options) { o.Split.Count = 22 },
		"as Q4_K":               func(o *gguftest.Options) { o.Type, o.Width, o.Heads, o.FF = gguf.Q4_K, 256, 4, 256 },
		"as type 99":            func(o *gguftest.Options) { o.Type = 99 },
	} {
		o := gguftest.Small()
		change(&o)
		_, _, err := gguftest.Header(o)
		_, errSize := gguftest.Size(o)
		if errWrite := gguftest.Write(io.Discard, o); err == nil || !strings.Contains(err.Error(), want) || errors.Join(errSize, errWrite) == nil {
			t.Errorf("%s: %v, %v, %v", want, err, errSize, errWrite)
		}
	}
}

// full is a file on a disk that has room for n bytes, and whose Close fails where it was filled.
type full struct{ n int }

var errFull = errors.New("no space left on device")

func (f *full) Write(b []byte) (int, error) {
	if len(b) > f.n {
		f.n = -1
		return 0, errFull
	}
	f.n -= len(b)
	return len(b), nil
}

func (f *full) Close() error {
	if f.n < 0 {
		return errFull
	}
	return nil
}

func TestWriteTellsOfAFullDisk(t *testing.T) {
	size, err := gguftest.Size(gguftest.Small())
	if err != nil {
		t.Fatal(err)
	}
	rooms := []int{0, 100, int(size) - 1}
	for room := 1000; room < int(size); room += 50_000 {
		rooms = append(rooms, room)
	}
	for _, room := range rooms {
		if err := gguftest.Write(&full{n: room}, gguftest.Small()); !errors.Is(err, errFull) {
			t.Errorf("with room for %d of %d: %v", room, size, err)
		}
	}
	if err := gguftest.Write(&full{n: int(size)}, gguftest.Small()); err != nil {
		t.Errorf("with room for all: %v", err)
	}
	var names []string
	err = gguftest.WriteShards(gguftest.Small(), "s", 3, func(name string) (io.WriteCloser, error) {
		names = append(names, name)
		return &full{n: 250_000}, nil
	})
	if !errors.Is(err, errFull) || !strings.Contains(err.Error(), "s-00003-of-00003.gguf") || len(names) != 3 {
		t.Errorf("%v: %v", names, err)
	}
	err = gguftest.WriteShards(gguftest.Small(), "s", 3, func(string) (io.WriteCloser, error) { return nil, errFull })
	if !errors.Is(err, errFull) || !slices.Contains(names, "s-00001-of-00003.gguf") {
		t.Errorf("%v", err)
	}
	if err := gguftest.WriteShards(gguftest.Small(), "s", 0, nil); err == nil {
		t.Error("no shards at all were written")
	}
}
