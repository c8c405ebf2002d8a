package template

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// maxDigits is how many digits an integer of the data may have: Python's limit.
const maxDigits = 4300

// fromJSON makes a value of JSON, in its order. Of keys that are there twice the last value counts, as in Python.
func fromJSON(raw json.RawMessage) (value, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, err := decode(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is something behind the JSON value")
	}
	return v, nil
}

func decode(d *json.Decoder, depth int) (value, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Number:
		return fromNumber(string(t))
	case json.Delim:
		if depth >= maxDepth {
			return nil, &LimitError{LimitDepth}
		}
		if t == '[' {
			return decodeList(d, depth)
		}
		return decodeDict(d, depth)
	}
	return t, nil
}

func decodeList(d *json.Decoder, depth int) (value, error) {
	l := &list{}
	for d.More() {
		v, err := decode(d, depth+1)
		if err != nil {
			return nil, err
		}
		l.items = append(l.items, v)
	}
	_, err := d.Token()
	return l, err
}

func decodeDict(d *json.Decoder, depth int) (value, error) {
	m := newDict()
	for d.More() {
		k, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, err := decode(d, depth+1)
		if err != nil {
			return nil, err
		}
		m.add(k.(string), v)
	}
	_, err := d.Token()
	return m, err
}

func fromNumber(s string) (value, error) {
	if strings.ContainsAny(s, ".eE") {
		f, _ := strconv.ParseFloat(s, 64) // what is too large is infinite, as in Python
		return f, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err == nil {
		return n, nil
	}
	if len(s) > maxDigits {
		return nil, &LimitError{LimitInteger}
	}
	return bigInt(s), nil
}

// fromGo makes a value of Go's data.
func fromGo(v any, depth int) (value, error) {
	if depth > maxDepth {
		return nil, &LimitError{LimitDepth}
	}
	switch v := v.(type) {
	case nil, bool, int64, float64, string:
		return v, nil
	case int:
		return int64(v), nil
	case json.RawMessage:
		return fromJSON(v)
	case []any:
		l := &list{}
		for _, item := range v {
			in, err := fromGo(item, depth+1)
			if err != nil {
				return nil, err
			}
			l.items = append(l.items, in)
		}
		return l, nil
	case map[string]any:
		d := newDict()
		for _, k := range sortedKeys(v) {
			in, err := fromGo(v[k], depth+1)
			if err != nil {
				return nil, err
			}
			d.add(k, in)
		}
		return d, nil
	}
	return nil, fmt.Errorf("a template cannot have a %T", v)
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
