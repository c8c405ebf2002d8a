package level

import (
	"slices"
	"testing"
)

func TestSupported(t *testing.T) {
	for _, c := range []struct {
		has  has
		want []Level
	}{
		{has{}, nil},
		{has{v2: true}, []Level{V2}},
		{has{v2: true, v3: true}, []Level{V3, V2}},
		{has{v2: true, v3: true, avxVNNI: true}, []Level{V3VNNI, V3, V2}},
		{has{v2: true, v3: true, v4: true}, []Level{V3, V2}},
		{has{v2: true, v3: true, v4: true, avx512VNNI: true}, []Level{V4VNNI, V3, V2}},
		{has{v2: true, v3: true, avxVNNI: true, v4: true, avx512VNNI: true}, []Level{V4VNNI, V3VNNI, V3, V2}},
	} {
		if got := supported(c.has); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, want %v", c.has, got, c.want)
		}
	}
}
