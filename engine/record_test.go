package engine

import (
	"encoding/json"
	"testing"
)

// TestDigestOutlivesVersions holds that declarations which did not change have the digest that ledgers
// hold: that of their JSON.
func TestDigestOutlivesVersions(t *testing.T) {
	type spec struct {
		Path string            `hcl:"path"`
		Mode string            `hcl:"mode,optional"`
		On   *bool             `hcl:"on,optional"`
		Map  map[string]string `hcl:"values,optional"`
		Text *Text             `hcl:"content,optional"`
	}
	kind := NewKind[spec]("toy", nil)
	off, text := false, NewText("x")
	text.ref = "sha256:00"
	for _, s := range []*spec{
		{}, {Path: "/a<b>&\u2028\"\\é\x01", Mode: "0644"},
		{Path: "/", On: &off, Map: map[string]string{"b": "<", "a": "\n"}, Text: text},
	} {
		r, err := kind.Encode(s)
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(r)
		if got := r.appendTo(nil); err != nil || string(got) != string(want) {
			t.Errorf("%s, not %s (%v)", got, want, err)
		}
	}
	if got := Recorded(nil).appendTo(nil); string(got) != "null" {
		t.Errorf("nothing is %s", got)
	}
}
