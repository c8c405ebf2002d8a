package gguf_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
	"github.com/agent0-converge/agent0-converge/resources/model/gguf/gguftest"
)

// shardFile is a file that WriteShards writes to.
type shardFile struct {
	bytes.Buffer
	name   string
	closed bool
}

func (f *shardFile) Close() error {
	f.closed = true
	return nil
}

// shards writes o in count shards and reads their headers.
func shards(t interface {
	Fatal(...any)
	Fatalf(string, ...any)
}, o gguftest.Options, count int) ([]*shardFile, []*gguf.Header) {
	var files []*shardFile
	err := gguftest.WriteShards(o, "models/tiny", count, func(name string) (io.WriteCloser, error) {
		files = append(files, &shardFile{name: name})
		return files[len(files)-1], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	headers := make([]*gguf.Header, len(files))
	for i, f := range files {
		if headers[i], err = gguf.Read(bytes.NewReader(f.Bytes()), int64(f.Len())); err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
	}
	return files, headers
}

// Shards are complete and have together what the model in one file has, and any that is missing, doubled, swapped or of another model is found.
func TestCheckShards(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := tiny()
		o.Layers = rapid.IntRange(1, 3).Draw(t, "layers")
		count := rapid.IntRange(1, 9*o.Layers+3).Draw(t, "shards")
		files, headers := shards(t, o, count)
		if len(files) != count {
			t.Fatalf("%d files", len(files))
		}
		var data bytes.Buffer
		var parameters uint64
		for i, f := range files {
			prefix, no, of, ok := gguf.ParseShardName(f.name)
			if name, err := gguf.ShardName(files[0].name, i, count); !ok || prefix != "models/tiny" || no != i || of != count || err != nil || name != f.name || !f.closed {
				t.Fatalf("%s: %q, %d, %d, %t; %s, %v; closed %t", f.name, prefix, no, of, ok, name, err, f.closed)
			}
			data.Write(f.Bytes()[headers[i].DataOffset:])
			parameters += headers[i].Parameters
		}
		if err := gguf.CheckShards(headers); err != nil {
			t.Fatal(err)
		}
		one := file(t, o)
		h, err := gguf.Read(bytes.NewReader(one), int64(len(one)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(data.Bytes(), one[h.DataOffset:]) || parameters != h.Parameters {
			t.Fatalf("the data of %d shards is not that of the one file: %d and %d parameters", count, parameters, h.Parameters)
		}
		if count < 2 {
			return
		}
		at := rapid.IntRange(0, count-1).Draw(t, "shard")
		for name, spoilt := range map[string][]*gguf.Header{
			"missing": append(append([]*gguf.Header{}, headers[:at]...), headers[at+1:]...),
			"doubled": replaced(headers, at, headers[(at+1)%count]),
			"swapped": replaced(replaced(headers, at, headers[(at+1)%count]), (at+1)%count, headers[at]),
			"nil":     replaced(headers, at, nil),
			"whole":   replaced(headers, at, h),
		} {
			err := gguf.CheckShards(spoilt)
			if err == nil || !strings.Contains(err.Error(), "shard ") {
				t.Fatalf("%s: %v", name, err)
			}
		}
	})
}

func replaced(headers []*gguf.Header, at int, h *gguf.Header) []*gguf.Header {
	out := append([]*gguf.Header{}, headers...)
	out[at] = h
	return out
}

func TestCheckShardsNamesTheShard(t *testing.T) {
	_, headers := shards(t, tiny(), 3)
	change := func(at int, f func(*gguf.Header)) []*gguf.Header {
		h := *headers[at]
		f(&h)
		return replaced(headers, at, &h)
	}
	for want, hs := range map[string][]*gguf.Header{
		"cannot take a model of no shards":                                                                                                nil,
		"cannot take shard 1 of 2, counted from 1: split.count is 3, and there are 2 shards":                                              headers[:2],
		"cannot take shard 2 of 3, counted from 1: split.no is 2 and has to be 1: the shards are out of order, or one is there twice":     {headers[0], headers[2], headers[1]},
		"cannot take shard 3 of 3, counted from 1: it is missing":                                                                         replaced(headers, 2, nil),
		"cannot take shard 2 of 3, counted from 1: it is a model in one file, without split.count":                                        change(1, func(h *gguf.Header) { h.Split = gguf.Split{} }),
		"cannot take shard 2 of 3, counted from 1: split.tensors.count is 13, and 12 in shard 1: they are of different models":            change(1, func(h *gguf.Header) { h.Split.Tensors++ }),
		`cannot take shard 3 of 3, counted from 1: general.architecture is "qwen3", and "llama" in shard 1: they are of different models`: change(2, func(h *gguf.Header) { h.Architecture = "qwen3" }),
		"cannot take the 3 shards together: they have 13 tensors, and split.tensors.count of shard 1 is 12":                               change(1, func(h *gguf.Header) { h.Tensors++ }),
	} {
		if err := gguf.CheckShards(hs); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	if err := gguf.CheckShards([]*gguf.Header{{Version: 3}}); err != nil {
		t.Errorf("a model in one file: %v", err)
	}
}

func TestParseShardName(t *testing.T) {
	for name, want := range map[string]string{
		"big-00001-of-00005.gguf":              "big 0 5 true",
		"big-00005-of-00005.gguf":              "big 4 5 true",
		"/m/a-b-00002-of-00003.gguf":           "/m/a-b 1 3 true",
		"x-00001-of-00002-00002-of-00003.gguf": "x-00001-of-00002 1 3 true",
		"x-00001-of-65535.gguf":                "x 0 65535 true",
		"x-00001-of-65536.gguf":                " 0 0 false",
		"big-00000-of-00005.gguf":              " 0 0 false",
		"big-00006-of-00005.gguf":              " 0 0 false",
		"big-0001-of-0005.gguf":                " 0 0 false",
		"big-000001-of-000005.gguf":            " 0 0 false",
		"-00001-of-00005.gguf":                 " 0 0 false",
		"big-00001-of-00005.gguf.part":         " 0 0 false",
		"big-00001-of-00005.GGUF":              " 0 0 false",
		"big-+0001-of-00005.gguf":              " 0 0 false",
		"big.gguf":                             " 0 0 false",
		"":                                     " 0 0 false",
	} {
		prefix, no, count, ok := gguf.ParseShardName(name)
		if got := fmt.Sprint(prefix, " ", no, " ", count, " ", ok); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestShardNameSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		first     string
		no, count int
		want      string
	}{
		{"big.gguf", 1, 3, `cannot name shard 1 of "big.gguf": the first shard's name has to end in -00001-of-00003.gguf`},
		{"big-00002-of-00003.gguf", 1, 3, `cannot name shard 1 of "big-00002-of-00003.gguf": that is not the first shard but number 2, counted from 1`},
		{"big-00001-of-00003.gguf", 1, 4, `cannot name shard 1 of "big-00001-of-00003.gguf": the name tells of 3 shards, and there are 4`},
		{"big-00001-of-00003.gguf", 3, 3, `cannot name shard 3 of "big-00001-of-00003.gguf": there are shards 0 to 2`},
		{"big-00001-of-00003.gguf", -1, 3, `cannot name shard -1 of "big-00001-of-00003.gguf": there are shards 0 to 2`},
	} {
		if name, err := gguf.ShardName(c.first, c.no, c.count); err == nil || err.Error() != c.want {
			t.Errorf("got  %s, %v\nwant %s", name, err, c.want)
		}
	}
}
