package gguftest

import (
	"errors"
	"fmt"
	"io"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
)

// chunk is how many bytes of weights are made at once, about.
const chunk = 64 << 10

// Write writes the model that o tells of to w, or one shard of it, a little at a time.
func Write(w io.Writer, o Options) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	head, _ := header(o)
	if err := writePadded(w, head, o.alignment(), int64(len(head))); err != nil {
		return fmt.Errorf("cannot write the header: %w", err)
	}
	for _, t := range o.tensors() {
		if err := writeTensor(w, o, t); err != nil {
			return fmt.Errorf("cannot write the tensor %s: %w", t.name, err)
		}
	}
	return nil
}

// Size is how many bytes Write writes.
func Size(o Options) (int64, error) {
	o, err := o.withDefaults()
	if err != nil {
		return 0, err
	}
	head, _ := header(o)
	size := padded(int64(len(head)), o.alignment())
	for _, t := range o.tensors() {
		size += padded(t.size, o.alignment())
	}
	return size, nil
}

// WriteShards writes the model in count files named as llama-gguf-split names them: prefix-00001-of-00003.gguf and so on.
// create makes a file of that name.
func WriteShards(o Options, prefix string, count int, create func(name string) (io.WriteCloser, error)) error {
	if count < 1 {
		return fmt.Errorf("cannot write the model in %d shards: there is one at least", count)
	}
	first := fmt.Sprintf("%s-%05d-of-%05d.gguf", prefix, 1, count)
	for no := range count {
		name, err := gguf.ShardName(first, no, count)
		if err != nil {
			return err
		}
		o.Split = gguf.Split{No: no, Count: count}
		w, err := create(name)
		if err != nil {
			return fmt.Errorf("cannot write %s: %w", name, err)
		}
		if err := errors.Join(Write(w, o), w.Close()); err != nil {
			return fmt.Errorf("cannot write %s: %w", name, err)
		}
	}
	return nil
}

func writeTensor(w io.Writer, o Options, t tensor) error {
	weights := newWeights(o.Seed, t)
	buf := make([]byte, chunk/weights.unit()*weights.unit())
	for left := t.size; left > 0; {
		b := buf[:min(left, int64(len(buf)))]
		weights.fill(b)
		left -= int64(len(b))
		if left > 0 {
			if _, err := w.Write(b); err != nil {
				return err
			}
			continue
		}
		return writePadded(w, b, o.alignment(), t.size)
	}
	return nil
}

// writePadded writes b, with which n bytes are written that began aligned, and then zeros up to the alignment.
func writePadded(w io.Writer, b []byte, alignment, n int64) error {
	if _, err := w.Write(b); err != nil {
		return err
	}
	zeros := make([]byte, min(chunk, alignment))
	for left := padded(n, alignment) - n; left > 0; {
		b := zeros[:min(left, int64(len(zeros)))]
		if _, err := w.Write(b); err != nil {
			return err
		}
		left -= int64(len(b))
	}
	return nil
}
