package engine

import (
	"slices"
	"testing"
)

// TestAddr holds what stands for a resource beside its own address, whatever its keys hold.
func TestAddr(t *testing.T) {
	for _, c := range []struct {
		addr, base Addr
		names      []Addr
	}{
		{"file.a", "file.a", nil},
		{`file.a["k"]`, "file.a", []Addr{"file.a"}},
		{`file.a["x].module.b."]`, "file.a", []Addr{"file.a"}},
		{`file.a["\"]["]`, "file.a", []Addr{"file.a"}},
		{"file.a[0]", "file.a", []Addr{"file.a"}},
		{"module.net", "module.net", nil},
		{`module.net["k"]`, "module.net", []Addr{"module.net"}},
		{"module.net.file.a", "module.net.file.a", []Addr{"module.net"}},
		{"module.net.file.a[1]", "module.net.file.a", []Addr{"module.net.file.a", "module.net"}},
		{
			`module.net["a.b"].file.a`, `module.net["a.b"].file.a`,
			[]Addr{`module.net["a.b"]`, "module.net", "module.net.file.a"},
		},
		{
			`module.a["1"].module.b[2].file.c["3"]`, `module.a["1"].module.b[2].file.c`,
			[]Addr{
				`module.a["1"].module.b[2].file.c`, `module.a["1"]`, "module.a",
				`module.a["1"].module.b[2]`, `module.a["1"].module.b`, "module.a.module.b",
				`module.a["1"].module.b.file.c`, "module.a.module.b.file.c",
			},
		},
		{
			`module.a["/"].drift.d/unit.timer`, `module.a["/"].drift.d/unit.timer`,
			[]Addr{`module.a["/"].drift.d`, `module.a["/"]`, "module.a", "module.a.drift.d"},
		},
		{`module.a["`, "module.a", []Addr{"module.a"}},
		{"module.", "module.", nil},
	} {
		if got := c.addr.Base(); got != c.base {
			t.Errorf("the base of %s is %s, not %s", c.addr, got, c.base)
		}
		if want, got := append([]Addr{c.addr}, c.names...), c.addr.Names(); !slices.Equal(got, want) {
			t.Errorf("the names of %s are\n%q, not\n%q", c.addr, got, want)
		}
	}
}
