package template

import (
	"fmt"
	"math"
	"strconv"
)

// dict is a mapping that keeps its order.
type dict struct {
	keys   []value
	values []value
	index  map[hashed]int
}

// hashed is a key as Python compares keys: 1, 1.0 and True are one.
type hashed struct {
	kind byte
	text string
	bits uint64
}

// hash makes a key of v; lists, dicts and what else can change cannot be one.
func (r *run) hash(v value) (hashed, error) {
	switch v := v.(type) {
	case nil:
		return hashed{kind: 'z'}, nil
	case undefined:
		return hashed{kind: 'u'}, nil
	case string:
		r.handle(len(v))
		return hashed{kind: 's', text: v}, nil
	case markup:
		r.handle(len(v))
		return hashed{kind: 's', text: string(v)}, nil
	case bigInt:
		return hashed{kind: 'b', text: string(v)}, nil
	case bool, int64:
		n, _ := integer(v)
		return hashed{kind: 'i', bits: uint64(n)}, nil
	case float64:
		if v == math.Trunc(v) && v >= -1<<63 && v < 1<<63 {
			return hashed{kind: 'i', bits: uint64(int64(v))}, nil
		}
		return hashed{kind: 'f', bits: math.Float64bits(v)}, nil
	case *tuple:
		return r.hashTuple(v)
	case *span:
		if v.n == 0 {
			return hashed{kind: 'r'}, nil
		}
		return hashed{kind: 'r', text: fmt.Sprint(v.start, v.n, v.step)}, nil
	case *namespace, *generator, *function, *loop:
		return hashed{kind: 'p', text: fmt.Sprintf("%p", v)}, nil
	}
	return hashed{}, fail("unhashable type: '%s'", typeName(v))
}

func (r *run) hashTuple(t *tuple) (hashed, error) {
	r.enter()
	defer r.leave()
	var b []byte
	for _, item := range t.items {
		h, err := r.hash(item)
		if err != nil {
			return hashed{}, err
		}
		r.build(len(h.text) + slot)
		b = append(b, h.kind)
		b = strconv.AppendUint(b, h.bits, 36)
		b = append(b, ':')
		b = strconv.AppendInt(b, int64(len(h.text)), 36)
		b = append(b, ':')
		b = append(b, h.text...)
	}
	return hashed{kind: 't', text: string(b)}, nil
}

func newDict() *dict { return &dict{index: map[hashed]int{}} }

// set puts a value under a key; a key that is there keeps its place.
func (r *run) set(d *dict, k, v value) error {
	h, err := r.hash(k)
	if err != nil {
		return err
	}
	if i, ok := d.index[h]; ok {
		d.values[i] = v
		return nil
	}
	r.build(entry)
	d.index[h] = len(d.keys)
	d.keys, d.values = append(d.keys, k), append(d.values, v)
	return nil
}

// get is what is under a key.
func (r *run) get(d *dict, k value) (value, bool, error) {
	h, err := r.hash(k)
	if err != nil {
		return nil, false, err
	}
	i, ok := d.index[h]
	if !ok {
		return nil, false, nil
	}
	return d.values[i], true, nil
}

// named is what is under a key that is a string.
func (d *dict) named(k string) (value, bool) {
	i, ok := d.index[hashed{kind: 's', text: k}]
	if !ok {
		return nil, false
	}
	return d.values[i], true
}

// add puts a value under a name, for data that is not the template's doing.
func (d *dict) add(k string, v value) {
	h := hashed{kind: 's', text: k}
	if i, ok := d.index[h]; ok {
		d.values[i] = v
		return
	}
	d.index[h] = len(d.keys)
	d.keys, d.values = append(d.keys, k), append(d.values, v)
}

func (r *run) copyDict(d *dict) *dict {
	r.buildMany(len(d.keys), entry)
	out := &dict{keys: append([]value(nil), d.keys...), values: append([]value(nil), d.values...), index: make(map[hashed]int, len(d.index))}
	for k, i := range d.index {
		out.index[k] = i
	}
	return out
}
