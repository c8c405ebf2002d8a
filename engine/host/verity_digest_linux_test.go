package host_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

func hexOf(sum [32]byte) string { return hex.EncodeToString(sum[:]) }

// pattern is content that is the same in every run and in which no block is like another.
func pattern(size int) []byte {
	b := make([]byte, size)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// TestVerityVectors has digests that other programs publish: that of nothing is in the kernel's own tests
// (xfstests generic/577), those of as many letters A in the tests of the Python package fsverity_hash.
func TestVerityVectors(t *testing.T) {
	for size, want := range map[int]string{
		0:         "3d248ca542a24fc62d1c43b916eae5016878e2533c88238480b26128a1f1af95",
		1:         "9845e616f7d2f7a1cd6742f0546a36d2e74d4eb8ae7d9bdc0b0df982c27861b7",
		100:       "e40425eaca55b3aca9994575b03b1585ff756c4684395fa144ee2642aeaf1d49",
		4095:      "aab040052277ce2baa6de148f1b3c8798de72f760d019427f44ce7caac6a69ef",
		4096:      "3fd7a78101899a79cd337b1b4e5414be8bcb376b133370156ef6e65026d930ed",
		4097:      "7319937c445f61df1a8f310eb4d6da157618d80713972a78d70a7528fc1a6f32",
		8192:      "8bddf40a09fef722e6f2b141d69ab2cc23010aa824a78186d38abb05cb8b47f5",
		524_287:   "5c00a54bd1d8341d7bbad060ff1b8e88ed2646d7bb38db6e752cd1cff66c0a78",
		524_288:   "f5c2b9ded1595acfe8a996795264d488dd6140531f6a01f8f8086a83fd835935",
		524_289:   "a7abb76568871169a79104d00679fae6521dfdb2a2648e380c02b10e96e217ff",
		1_234_567: "04b74498f0fafcd91622f0b218f3f1a024221e7ccb1732ea180cd4833808edd6",
		// The next are where the tree gets a third level.
		67_108_863: "91634eb57e4b47f077b18c596cdae9ebf60bbded408f19423ccd5703028e95a4",
		67_108_864: "2dbb93b12267f696804876449e4874e543ad7fbf5715dbf6ff5a277553d9edfe",
		67_108_865: "d0d2d7311c25c6d121011a569274bec0929afe1ca56543cb1235d5056efc4f7b",
	} {
		got, err := host.VerityDigest(strings.NewReader(strings.Repeat("A", size)), int64(size))
		if err != nil || hexOf(got) != want {
			t.Errorf("%d: %x, %v, not %s", size, got, err, want)
		}
	}
}

// TestVerityOfPieces: how the content comes does not matter, and what is not all of it is an error.
func TestVerityOfPieces(t *testing.T) {
	content := pattern(600_000)
	want, err := host.VerityDigest(bytes.NewReader(content), int64(len(content)))
	check(t, err)
	for what, r := range map[string]io.Reader{
		"halves": iotest.HalfReader(bytes.NewReader(content)), "with the end": iotest.DataErrReader(bytes.NewReader(content)),
	} {
		if got, err := host.VerityDigest(r, int64(len(content))); err != nil || got != want {
			t.Errorf("%s: %x, %v", what, got, err)
		}
	}
	for _, size := range []int64{0, 599_999, 600_001} {
		if got, err := host.VerityDigest(bytes.NewReader(content), size); err == nil {
			t.Errorf("600000 bytes said to be %d: %x", size, got)
		}
	}
	broken := errors.New("broken")
	if _, err := host.VerityDigest(io.MultiReader(bytes.NewReader(content), iotest.ErrReader(broken)), 600_000); !errors.Is(err, broken) {
		t.Error(err)
	}
}
