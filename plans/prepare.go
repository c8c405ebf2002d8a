package plans

import (
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// prepare lays all blocks out and finds what they refer to.
func (l *loader) prepare() {
	for _, r := range l.resources {
		if r.early {
			continue
		}
		before := len(l.diags)
		r.part = r.kind.schema.lay(r.body, false, &l.mistakes)
		r.spoiled = len(l.diags) > before
	}
	var us []use
	for _, n := range l.inOrder {
		switch {
		case n.call != nil:
			l.prepareCall(n.call)
			continue
		case n.local != nil:
			us = usesOf(us[:0], n.local, nil, place{})
			n.refs = l.resolve(n, allowed{}, us)
			continue
		}
		us = n.res.part.uses(us[:0], nil, place{})
		_, each := n.res.part.get("for_each")
		_, count := n.res.part.get("count")
		if len(us) > 0 {
			n.refs = l.resolve(n, allowed{each: each, count: count}, us)
			n.res.spoiled = n.res.spoiled || len(n.bad) > 0
		}
		if a, ok := n.res.part.get("depends_on"); ok {
			n.res.after = l.references(n, a)
		}
		n.res.named = l.namedIn(n, n.res.part, nil)
	}
	l.prepareOutputs()
	l.prepareChecks()
}

// find is the expression of the attribute with this name, which may lead into nested blocks
// ("limits.memory", "dropin[\"a\"].service") or to one key ("values[\"A\"]"); nil if it is not
// written.
func (p *part) find(name string) hcl.Expression {
	head, rest := name, ""
	if i := strings.IndexAny(name, ".["); i >= 0 {
		head, rest = name[:i], name[i:]
	}
	key, rest := cutKey(rest)
	if a, ok := p.get(head); ok {
		if e := child(a.expr, cty.IndexStep{Key: cty.StringVal(key)}); key != "" && e != nil {
			return e
		}
		return a.expr
	}
	i := slices.IndexFunc(p.blocks, func(b sub) bool {
		return b.name == head && (key == "" || slices.Contains(b.labels, key))
	})
	if rest == "" || i < 0 {
		return nil
	}
	return p.blocks[i].part.find(rest[1:])
}

// cutKey takes the key in brackets and quotes off a name, "" for none.
func cutKey(s string) (key, rest string) {
	quoted, err := strconv.QuotedPrefix(strings.TrimPrefix(s, "["))
	if err != nil || s[0] != '[' {
		return "", s
	}
	if key, err = strconv.Unquote(quoted); err != nil {
		return "", s
	}
	return key, strings.TrimPrefix(s[1+len(quoted):], "]")
}
