package gguf_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
)

// A download that breaks off anywhere in the header is told from a file that is too short, and both name the field.
func TestReadRefusesEveryCut(t *testing.T) {
	cuts, found := 0, 0
	for name, o := range variants() {
		c := newCorpus(t, o)
		for _, f := range c.fields {
			for cut := f.Offset; cut < f.Offset+f.Size; cut++ {
				cuts += 2
				for _, size := range []int64{c.size, cut} {
					_, err := gguf.Read(bytes.NewReader(c.head[:cut]), size)
					var field *gguf.FieldError
					if !errors.As(err, &field) || !errors.Is(err, io.ErrUnexpectedEOF) {
						t.Errorf("%s: cut at byte %d of %d: %v", name, cut, size, err)
						continue
					}
					// A file that is too short shows where an array or a tensor is longer than what is left of it.
					early := size == cut && (field.Field == fmt.Sprintf("length of %q", f.Owner) || strings.HasPrefix(field.Field, "data of tensor"))
					if field.Field != f.Name && !early || field.Offset > cut {
						t.Errorf("%s: cut at byte %d of %d, in %s: %v", name, cut, size, f.Name, err)
						continue
					}
					found++
				}
			}
		}
	}
	t.Logf("%d cuts, %d refused by the name of the field", cuts, found)
	if cuts < 10000 || found != cuts {
		t.Fatalf("%d cuts, and %d were found", cuts, found)
	}
}

// A file whose data is cut is refused, up to the last byte of the last tensor. The padding after that may be missing,
// as llama.cpp does not mind.
func TestReadRefusesEveryCutOfTheData(t *testing.T) {
	c := newCorpus(t, tiny())
	h, err := c.read(c.head)
	if err != nil {
		t.Fatal(err)
	}
	end := h.DataOffset + h.DataSize
	cuts, found := 0, 0
	for size := int64(len(c.head)); size < end; size++ {
		cuts++
		_, err := gguf.Read(bytes.NewReader(c.head), size)
		var field *gguf.FieldError
		if !errors.As(err, &field) || !strings.HasPrefix(field.Field, "data of tensor ") && !strings.HasPrefix(field.Field, "offset of tensor ") {
			t.Errorf("cut at %d of %d: %v", size, end, err)
			continue
		}
		found++
	}
	t.Logf("%d cuts, %d refused", cuts, found)
	if cuts < 1000 || cuts != found {
		t.Fatalf("%d cuts, and %d were found", cuts, found)
	}
	if _, err := gguf.Read(bytes.NewReader(c.head), end); err != nil {
		t.Errorf("without the last padding: %v", err)
	}
	var field *gguf.FieldError
	if _, err := gguf.Read(bytes.NewReader(c.head), -1); !errors.As(err, &field) || field.Field != "size" {
		t.Errorf("a file of less than nothing: %v", err)
	}
}
