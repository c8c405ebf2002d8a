package engine_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
)

// shy holds texts in every way in which a kind's struct may.
type shy struct {
	Plain   engine.Text            `hcl:"plain,optional"`
	Pointer *engine.Text           `hcl:"pointer,optional"`
	Map     map[string]engine.Text `hcl:"map,optional"`
	List    []engine.Text          `hcl:"list,optional"`
	Block   struct {
		Inner engine.Text `hcl:"inner,optional"`
	} `hcl:"block,block"`
	hidden engine.Text
	ptr    *engine.Text
}

func secrets() *shy {
	s := &shy{Plain: *engine.NewSecret("canary"), Pointer: engine.NewSecret("canary"), hidden: *engine.NewSecret("canary"), ptr: engine.NewSecret("canary")}
	s.Map = map[string]engine.Text{"k": *engine.NewSecret("canary")}
	s.List = []engine.Text{*engine.NewSecret("canary")}
	s.Block.Inner = *engine.NewSecret("canary")
	return s
}

func TestNothingShowsAText(t *testing.T) {
	s := secrets()
	var out strings.Builder
	for _, v := range []any{s, *s, s.Plain, s.Pointer, s.Map, s.List, s.hidden, s.ptr, []any{s}, map[string]any{"a": *s}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%t", "%20.3s"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		fmt.Fprintln(&out, v)
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
		for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(h).Info("x", "value", v)
		}
	}
	kind := engine.NewKind[shy]("shy", nil)
	plain := &shy{Plain: *engine.NewText("canary, before")}
	out.WriteString(fmt.Sprint(kind.Diff(plain, s), kind.Diff(s, plain)))
	hex := fmt.Sprintf("%x", "canary")
	if text := out.String(); strings.Contains(text, "canary") || strings.Contains(strings.ToLower(text), hex) {
		for line := range strings.Lines(text) {
			if strings.Contains(line, "canary") || strings.Contains(strings.ToLower(line), hex) {
				t.Errorf("shown: %s", line)
			}
		}
	}
}

// A spec goes through its record and back: texts by reference, everything else as it is.
func TestRecord(t *testing.T) {
	kept := map[string]string{}
	ref := func(x engine.Text) (string, error) {
		name := fmt.Sprintf("sha256:%d", len(kept))
		kept[name] = x.Reveal()
		return name, nil
	}
	kind, s := engine.NewKind[shy]("shy", nil), secrets()
	if err := engine.Seal(s, ref); err != nil {
		t.Fatal(err)
	}
	r, err := kind.Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(r)
	if err != nil || bytes.Contains(b, []byte("canary")) {
		t.Fatalf("the record is %s, %v", b, err)
	}
	back, err := kind.Decode(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Complete(back); err == nil {
		t.Error("a record alone is said to be complete")
	}
	if err := engine.Unseal(back, func(ref string) (string, bool, error) { v, ok := kept[ref]; return v, ok, nil }); err != nil {
		t.Fatal(err)
	}
	if d := kind.Diff(back, s); len(d) > 0 || engine.Complete(back) != nil {
		t.Errorf("what came back differs: %v", d)
	}
	r["new"] = json.RawMessage(`1`)
	if _, err := kind.Decode(r); err == nil {
		t.Error("an attribute that this version does not know was dropped")
	}
}
