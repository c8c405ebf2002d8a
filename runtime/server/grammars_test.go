package server

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// A cache is as if there were none, and never larger than it may be.
func TestCache(t *testing.T) {
	const bytes = 20_000
	c := newCache(bytes)
	var mu sync.Mutex
	built := map[string]int{}
	bad := errors.New("bad")
	get := func(key string) {
		text, err := c.get(key, func() (string, error) {
			mu.Lock()
			defer mu.Unlock()
			built[key]++
			if strings.HasSuffix(key, "3") {
				return "", bad
			}
			return strings.Repeat(key, 100), nil
		})
		if strings.HasSuffix(key, "3") != (err != nil) || err == nil && text != strings.Repeat(key, 100) {
			t.Errorf("%s: %.20q, %v", key, text, err)
		}
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i := range 500 {
				get(fmt.Sprint("key", i%70))
				get("often")
			}
		})
	}
	group.Wait()
	sum := 0
	for e := c.order.Front(); e != nil; e = e.Next() {
		sum += e.Value.(*kept).size()
	}
	if sum > bytes || sum != bytes-c.left || c.order.Len() != len(c.byKey) || sum < bytes/2 {
		t.Errorf("%d bytes, %d left, %d entries, %d keys", sum, c.left, c.order.Len(), len(c.byKey))
	}
	if n := built["often"]; n > 4 {
		t.Errorf("what is asked for all the time was made %d times", n)
	}
	if n := built["key1"]; n < 2 {
		t.Errorf("what is not asked for was kept: made %d times", n)
	}
	c.get(strings.Repeat("x", 2*bytes), func() (string, error) { return "too large to keep", nil })
	if c.left < 0 || c.order.Len() != len(c.byKey) {
		t.Errorf("%d left", c.left)
	}
}

// The same schema gives the same grammar, and one for calls is another.
func TestGrammarsAreKept(t *testing.T) {
	g := DefaultGrammars()
	seen := map[string]bool{}
	for range 2 {
		for _, schema := range []string{`{"type":"integer"}`, `{"type":"object","properties":{"x":{"type":"integer"}}}`, `{"type":"string"}`} {
			text, err := g.Schema([]byte(schema))
			if err != nil {
				t.Fatal(err)
			}
			seen[text] = true
		}
	}
	for range 2 {
		if _, err := g.Schema([]byte(`{"type":"thing"}`)); err == nil {
			t.Error("a schema that is none was taken")
		}
	}
	if len(seen) != 3 {
		t.Errorf("%d grammars", len(seen))
	}
}
