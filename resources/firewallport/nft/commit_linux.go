package nft

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/userdata"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// chunk is how many elements a message has. All elements of a message are within one attribute, of which the length has
// 16 bits: with the longest comment an element takes some 170 bytes, and the end of its range 30.
const chunk = 256

// replace makes our table the given one, in one transaction. What was in it before is gone, whoever made it.
func replace(h *host.Host, t table) error {
	what := "replace the table inet " + tableName
	if len(t.chains) == 0 {
		what = "delete the table inet " + tableName
	}
	return h.Netlink.Commit(what, func(c *nftables.Conn) error {
		in := &nftables.Table{Family: nftables.TableFamilyINet, Name: tableName}
		c.AddTable(in) // so that it can be deleted where there is none
		c.DelTable(in)
		if len(t.chains) == 0 {
			return nil
		}
		c.AddTable(in)
		ids, err := addSets(c, in, t.sets)
		if err != nil {
			return err
		}
		for _, ch := range t.chains {
			addChain(c, in, ch, ids)
		}
		return nil
	})
}

// addSets adds sets with their elements, and returns their numbers within the batch.
func addSets(c *nftables.Conn, in *nftables.Table, sets []set) (map[string]uint32, error) {
	ids := map[string]uint32{}
	for i, s := range sets {
		ids[s.name] = uint32(i + 1)
		made := &nftables.Set{Table: in, ID: ids[s.name], Name: s.name, Interval: s.of.interval(), KeyType: s.of.datatype()}
		if s.of == names {
			made.KeyByteOrder = binaryutil.NativeEndian // a text, to nft(8)
		}
		if err := c.AddSet(made, nil); err != nil {
			return nil, fmt.Errorf("set %s: %w", s.name, err)
		}
		for some := range slices.Chunk(s.elements(), chunk) {
			if err := c.SetAddElements(made, some); err != nil {
				return nil, fmt.Errorf("set %s: %w", s.name, err)
			}
		}
	}
	return ids, nil
}

func (k keys) datatype() nftables.SetDatatype {
	return [...]nftables.SetDatatype{nftables.TypeInetService, nftables.TypeIPAddr, nftables.TypeIP6Addr, nftables.TypeIFName}[k]
}

// elements are those of a set as nft(8) writes them. An interval is its first key and the first behind it, of which the
// last interval of all has none; where no interval begins with the lowest key, that one ends the nothing before.
func (s set) elements() []nftables.SetElement {
	var out []nftables.SetElement
	if first := make([]byte, s.of.length()); s.of.interval() && len(s.spans) > 0 && !bytes.Equal(s.spans[0].first, first) {
		out = append(out, nftables.SetElement{Key: first, IntervalEnd: true})
	}
	for _, sp := range s.spans {
		out = append(out, nftables.SetElement{Key: sp.first, Comment: sp.comment})
		if end, ok := after(sp.last); ok && s.of.interval() {
			out = append(out, nftables.SetElement{Key: end, IntervalEnd: true})
		}
	}
	return out
}

// after is the next key; ok is false behind the highest.
func after(key []byte) (next []byte, ok bool) {
	next = bytes.Clone(key)
	for i := len(next) - 1; i >= 0; i-- {
		if next[i]++; next[i] != 0 {
			return next, true
		}
	}
	return nil, false
}

func addChain(c *nftables.Conn, in *nftables.Table, ch chain, ids map[string]uint32) {
	made := &nftables.Chain{Table: in, Name: ch.name}
	if ch.base {
		accept := nftables.ChainPolicyAccept
		made.Type, made.Hooknum, made.Priority, made.Policy = nftables.ChainTypeFilter, nftables.ChainHookInput, nftables.ChainPriorityFilter, &accept
	}
	c.AddChain(made)
	for _, r := range ch.rules {
		one := &nftables.Rule{Table: in, Chain: made, Exprs: r.exprs(ids)}
		if r.comment != "" {
			one.UserData = userdata.AppendString(nil, userdata.TypeComment, r.comment)
		}
		c.AddRule(one)
	}
}
