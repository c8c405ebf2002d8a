package gguf

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
)

// shardSuffix is what llama_split_path in llama.cpp puts behind the prefix of a model's shards.
const shardSuffix = "-%05d-of-%05d.gguf"

// shardName is a name that llama.cpp gives a shard. Count is a uint16 in the header, so that it never has more than 5 digits.
var shardName = regexp.MustCompile(`(?s)^(.+)-([0-9]{5})-of-([0-9]{5})\.gguf$`)

// ParseShardName takes the name of a shard apart, as in "big-00002-of-00005.gguf": its prefix "big" (with the folder, where
// the name has one), its number counted from 0 as split.no does, here 1, and how many there are. ok is false for
// other names.
func ParseShardName(name string) (prefix string, no, count int, ok bool) {
	m := shardName.FindStringSubmatch(name)
	if m == nil {
		return "", 0, 0, false
	}
	no, _ = strconv.Atoi(m[2])
	count, _ = strconv.Atoi(m[3])
	if no < 1 || no > count || count > math.MaxUint16 {
		return "", 0, 0, false
	}
	return m[1], no - 1, count, true
}

// ShardName is the name of shard no, counted from 0, of the count shards of which first names the first.
func ShardName(first string, no, count int) (string, error) {
	prefix, begin, of, ok := ParseShardName(first)
	switch {
	case !ok:
		return "", fmt.Errorf("cannot name shard %d of %q: the first shard's name has to end in -00001-of-%05d.gguf", no, first, count)
	case begin != 0:
		return "", fmt.Errorf("cannot name shard %d of %q: that is not the first shard but number %d, counted from 1", no, first, begin+1)
	case of != count:
		return "", fmt.Errorf("cannot name shard %d of %q: the name tells of %d shards, and there are %d", no, first, of, count)
	case no < 0 || no >= count:
		return "", fmt.Errorf("cannot name shard %d of %q: there are shards 0 to %d", no, first, count-1)
	}
	return fmt.Sprintf("%s"+shardSuffix, prefix, no+1, count), nil
}

// CheckShards says whether headers, in the order of the files' names, are all shards of one model. A model in one file is
// its own and only shard.
func CheckShards(headers []*Header) error {
	if len(headers) == 0 {
		return errors.New("cannot take a model of no shards")
	}
	if len(headers) == 1 && headers[0] != nil && headers[0].Split.Count == 0 {
		return nil
	}
	total := 0
	for i, h := range headers {
		if err := checkShard(h, headers[0], i, len(headers)); err != nil {
			return fmt.Errorf("cannot take shard %d of %d, counted from 1: %w", i+1, len(headers), err)
		}
		total += h.Tensors
	}
	if want := headers[0].Split.Tensors; total != want {
		return fmt.Errorf("cannot take the %d shards together: they have %d tensors, and split.tensors.count of shard 1 is %d", len(headers), total, want)
	}
	return nil
}

func checkShard(h, first *Header, i, count int) error {
	switch {
	case h == nil:
		return errors.New("it is missing")
	case h.Split.Count == 0:
		return errors.New("it is a model in one file, without split.count")
	case h.Split.Count != count:
		return fmt.Errorf("split.count is %d, and there are %d shards", h.Split.Count, count)
	case h.Split.No != i:
		return fmt.Errorf("split.no is %d and has to be %d: the shards are out of order, or one is there twice", h.Split.No, i)
	case h.Split.Tensors != first.Split.Tensors:
		return fmt.Errorf("split.tensors.count is %d, and %d in shard 1: they are of different models", h.Split.Tensors, first.Split.Tensors)
	case h.Architecture != "" && h.Architecture != first.Architecture:
		return fmt.Errorf("general.architecture is %q, and %q in shard 1: they are of different models", h.Architecture, first.Architecture)
	}
	return nil
}
