package gguf_test

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
	"github.com/agent0-converge/agent0-converge/resources/model/gguf/gguftest"
)

// The details are what the file was made of.
func TestReadDetails(t *testing.T) {
	f, err := gguftest.Parse(file(t, gguftest.Small()))
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]any{"a": int8(-3), "b": true, "c": float64(0.5), "d": []int32{1, -2}, "e": make([]uint32, 513), "f": "short", "g": string(make([]byte, 65))} {
		f.Set(gguftest.Value(name, v))
	}
	b := f.Bytes()
	h, d, err := gguf.ReadDetails(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := gguf.Read(bytes.NewReader(b), int64(len(b)))
	if err != nil || !reflect.DeepEqual(h, plain) {
		t.Errorf("%+v, and without details %+v (%v)", h, plain, err)
	}
	for got, want := range map[any]any{
		d.Numbers["a"]: gguf.Number{Kind: gguf.Int8, Value: -3}, d.Numbers["b"]: gguf.Number{Kind: gguf.Bool, Value: 1}, d.Floats["c"]: 0.5,
		d.Numbers["llama.block_count"].Value: int64(2), d.Texts["f"]: "short", d.Arrays["e"].Length: uint64(513), len(d.Arrays["e"].Numbers): 0,
	} {
		if got != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
	if long, ok := d.Texts["g"]; !ok || long != "" {
		t.Errorf("a long text is %q, %v", long, ok)
	}
	if want := (gguf.ArrayShape{Kind: gguf.Int32, Length: 2, Numbers: []int64{1, -2}}); !reflect.DeepEqual(d.Arrays["d"], want) {
		t.Errorf("%+v", d.Arrays["d"])
	}
	if len(d.Tensors) != h.Tensors || !reflect.DeepEqual(d.Tensors[0], gguf.TensorShape{Name: "token_embd.weight", Dims: []uint64{128, 768}, Type: gguf.Q8_0}) {
		t.Errorf("%+v", d.Tensors)
	}
}
