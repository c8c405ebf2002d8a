package server

import (
	"container/list"
	"fmt"
	"sync"

	"github.com/agent0-converge/agent0-converge/runtime/grammar"
)

// Grammars makes the grammars that answers have to keep to, in GBNF.
type Grammars struct {
	// Schema makes one of a JSON schema. Its error is told to the client.
	Schema func(schema []byte) (string, error)
	// Calls makes one of answers that call tools; schema is that of the object of a call.
	Calls func(schema []byte, f grammar.CallForm) (string, error)
	// JSON is that of any JSON object.
	JSON func() string
	// Check says what is wrong with a grammar that a client sent.
	Check func(gbnf string) error
}

// DefaultGrammars are those of package grammar, with its own limits. What was made of a schema is kept for those who send
// it again.
func DefaultGrammars() Grammars {
	var limits grammar.Limits
	spaced := grammar.Limits{Spaces: true} // models are trained on calls that have some
	kept := newCache(cacheBytes)
	return Grammars{
		Schema: func(schema []byte) (string, error) {
			return kept.get("schema "+string(schema), func() (string, error) { return grammar.Schema(schema, limits) })
		},
		Calls: func(schema []byte, f grammar.CallForm) (string, error) {
			return kept.get(fmt.Sprintf("calls %q %q %v %v %s", f.Open, f.Close, f.Required, f.Several, schema), func() (string, error) { return grammar.Calls(schema, f, spaced) })
		},
		JSON:  sync.OnceValue(func() string { return grammar.JSON(limits) }),
		Check: func(gbnf string) error { return grammar.Check(gbnf, limits) },
	}
}

// cacheBytes is how much is kept: a schema and its grammar have some thousand bytes.
const cacheBytes = 4 << 20

// cache keeps what was made of texts, and forgets what was not asked for the longest.
type cache struct {
	mu    sync.Mutex
	left  int        // bytes
	order *list.List // of *kept, the latest first
	byKey map[string]*list.Element
}

// kept is what was made of a text, or why nothing can be.
type kept struct {
	key, text string
	err       error
}

func newCache(bytes int) *cache {
	return &cache{left: bytes, order: list.New(), byKey: map[string]*list.Element{}}
}

// get returns what is kept, or what is made now. Two that ask for the same at once may both make it.
func (c *cache) get(key string, build func() (string, error)) (string, error) {
	if k := c.find(key); k != nil {
		return k.text, k.err
	}
	text, err := build()
	c.keep(&kept{key, text, err})
	return text, err
}

func (c *cache) find(key string) *kept {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byKey[key]
	if e == nil {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*kept)
}

func (c *cache) keep(k *kept) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKey[k.key] != nil {
		return
	}
	c.byKey[k.key] = c.order.PushFront(k)
	c.left -= k.size()
	for c.left < 0 {
		old := c.order.Remove(c.order.Back()).(*kept)
		delete(c.byKey, old.key)
		c.left += old.size()
	}
}

// entryBytes is what an entry takes beside its texts, roughly.
const entryBytes = 256

func (k *kept) size() int { return len(k.key) + len(k.text) + entryBytes }
