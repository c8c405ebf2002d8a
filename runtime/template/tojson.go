package template

import (
	"math"
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"
)

// jsonWriter writes values as Python's json.dumps does.
type jsonWriter struct {
	r          *run
	ascii      bool
	sorted     bool
	pretty     bool
	indent     string
	item, pair string // separators
	out        []byte
}

// toJSON is Hugging Face's filter tojson: json.dumps with ensure_ascii False.
func toJSON(r *run, v value, a *args) (value, error) {
	in, err := a.bind("tojson", 0, "ensure_ascii", "indent", "separators", "sort_keys")
	if err != nil {
		return nil, err
	}
	w := &jsonWriter{r: r, ascii: given(in[0]) && truth(in[0]), sorted: given(in[3]) && truth(in[3]), item: ", ", pair: ": "}
	if given(in[1]) && in[1] != nil {
		w.pretty, w.item = true, ","
		n, ok := integer(in[1])
		if ok {
			w.indent = r.fill(" ", max(n, 0))
		} else if w.indent, err = textOr(in[1], ""); err != nil {
			return nil, err
		}
	}
	if given(in[2]) && in[2] != nil {
		parts, err := r.items(in[2])
		if err != nil {
			return nil, err
		}
		if len(parts) != 2 {
			return nil, fail("tojson needs two separators")
		}
		if w.item, err = textOr(parts[0], ""); err != nil {
			return nil, err
		}
		if w.pair, err = textOr(parts[1], ""); err != nil {
			return nil, err
		}
	}
	if err := w.write(v, 0); err != nil {
		return nil, err
	}
	return string(w.out), nil
}

func (w *jsonWriter) write(v value, level int) error {
	w.r.enter()
	defer w.r.leave()
	switch v := v.(type) {
	case *list:
		return w.list(v.items, level)
	case *tuple:
		return w.list(v.items, level)
	case *dict:
		return w.dict(v, level)
	}
	if s, ok := text(v); ok {
		w.text(s)
		return nil
	}
	s, ok := w.scalar(v)
	if !ok {
		return fail("Object of type %s is not JSON serializable", typeName(v))
	}
	w.r.grow(&w.out, s)
	return nil
}

func (w *jsonWriter) scalar(v value) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "null", true
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case bigInt:
		return string(v), true
	case float64:
		switch {
		case math.IsNaN(v):
			return "NaN", true
		case math.IsInf(v, 0):
			return strings.Replace(floatText(v), "inf", "Infinity", 1), true
		}
		return floatText(v), true
	}
	return "", false
}

// line begins a line, where there are lines.
func (w *jsonWriter) line(level int) {
	if w.pretty {
		w.r.grow(&w.out, "\n")
		for range level {
			w.r.grow(&w.out, w.indent)
		}
	}
}

func (w *jsonWriter) list(items []value, level int) error {
	if len(items) == 0 {
		w.r.grow(&w.out, "[]")
		return nil
	}
	w.r.grow(&w.out, "[")
	for i, item := range items {
		if i > 0 {
			w.r.grow(&w.out, w.item)
		}
		w.line(level + 1)
		if err := w.write(item, level+1); err != nil {
			return err
		}
	}
	w.line(level)
	w.r.grow(&w.out, "]")
	return nil
}

func (w *jsonWriter) dict(d *dict, level int) error {
	if len(d.keys) == 0 {
		w.r.grow(&w.out, "{}")
		return nil
	}
	order, err := w.order(d)
	if err != nil {
		return err
	}
	w.r.grow(&w.out, "{")
	for n, i := range order {
		if n > 0 {
			w.r.grow(&w.out, w.item)
		}
		w.line(level + 1)
		if err := w.key(d.keys[i]); err != nil {
			return err
		}
		w.r.grow(&w.out, w.pair)
		if err := w.write(d.values[i], level+1); err != nil {
			return err
		}
	}
	w.line(level)
	w.r.grow(&w.out, "}")
	return nil
}

// order is the order in which a mapping is written.
func (w *jsonWriter) order(d *dict) ([]int, error) {
	w.r.buildMany(len(d.keys), slot)
	order := make([]int, len(d.keys))
	for i := range order {
		order[i] = i
	}
	if !w.sorted {
		return order, nil
	}
	var failed error
	sort.SliceStable(order, func(i, j int) bool {
		c, err := w.r.order("<", d.keys[order[i]], d.keys[order[j]])
		if err != nil {
			failed = err
		}
		return c == -1
	})
	return order, failed
}

func (w *jsonWriter) key(k value) error {
	if s, ok := text(k); ok {
		w.text(s)
		return nil
	}
	s, ok := w.scalar(k)
	if !ok {
		return fail("keys must be str, int, float, bool or None, not %s", typeName(k))
	}
	w.text(s)
	return nil
}

// text writes a string.
func (w *jsonWriter) text(s string) {
	w.r.read(len(s))
	w.r.grow(&w.out, `"`)
	plain := 0
	for i, c := range s {
		e := w.escape(c)
		if e == "" {
			continue
		}
		w.r.grow(&w.out, s[plain:i])
		w.r.grow(&w.out, e)
		plain = i + len(string(c))
	}
	w.r.grow(&w.out, s[plain:])
	w.r.grow(&w.out, `"`)
}

// escape is how a character is written, "" as it is.
func (w *jsonWriter) escape(c rune) string {
	switch c {
	case '"':
		return `\"`
	case '\\':
		return `\\`
	case '\n':
		return `\n`
	case '\r':
		return `\r`
	case '\t':
		return `\t`
	case '\b':
		return `\b`
	case '\f':
		return `\f`
	}
	switch {
	case c < 0x20 || w.ascii && c >= 0x7f && c < 0x10000:
		return hexCode(`\u`, c, 4)
	case w.ascii && c >= 0x10000:
		a, b := utf16.EncodeRune(c)
		return hexCode(`\u`, a, 4) + hexCode(`\u`, b, 4)
	}
	return ""
}
