package ruleset

import (
	"fmt"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/attr"
)

// Attributes of linux/netfilter/nf_tables.h, by what they belong to.
const (
	tableName, tableFlags, tableHandle, tableUserData = 1, 2, 4, 6

	chainTable, chainHandle, chainName, chainHook, chainPolicy, chainType, chainFlags, chainUserData = 1, 2, 3, 4, 5, 7, 10, 12
	hookNum, hookPriority, hookDev, hookDevs                                                         = 1, 2, 3, 4
	deviceName, devicePrefix                                                                         = 1, 2

	ruleTable, ruleChain, ruleHandle, ruleExprs, ruleUserData = 1, 2, 3, 4, 7
	exprName, exprData                                        = 1, 2

	objectTable, objectName, objectType, objectData, objectHandle = 1, 2, 3, 4, 6

	flagDormant = 1
)

// Types within user data: comments of tables, chains, rules and elements are 0, of sets 7 (libnftnl/udata.h).
const (
	comment    = 0
	setComment = 7
)

// header is what precedes the attributes of each message: struct nfgenmsg, the family first.
const header = 4

// body splits a message into its family and its attributes.
func body(b []byte) (Family, map[uint16][]byte, error) {
	if len(b) < header {
		return 0, nil, attr.ErrShort
	}
	m, err := attr.Map(b[header:])
	return Family(b[0]), m, err
}

// builder puts a ruleset together from the messages of several dumps.
type builder struct {
	out    *Ruleset
	tables map[string]*Table
	chains map[string]*Chain
}

func newBuilder() *builder {
	return &builder{out: &Ruleset{}, tables: map[string]*Table{}, chains: map[string]*Chain{}}
}

func key(f Family, parts ...string) string {
	k := string(rune(f))
	for _, p := range parts {
		k += "\x00" + p
	}
	return k
}

// table finds a table that was told before.
func (b *builder) table(f Family, name []byte) (*Table, error) {
	if t := b.tables[key(f, attr.String(name))]; t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("the kernel did not tell of table %s %q", f, attr.String(name))
}

func (b *builder) addTable(msg []byte) error {
	f, m, err := body(msg)
	if err != nil {
		return err
	}
	t := &Table{Family: f, Name: attr.String(m[tableName]), Sets: map[string]*Set{}}
	d := numbers{of: m}
	t.Flags, t.Handle = d.u32(tableFlags), d.u64(tableHandle)
	t.Dormant = t.Flags&flagDormant != 0
	t.Comment = userComment(m[tableUserData], comment)
	b.out.Tables = append(b.out.Tables, t)
	b.tables[key(f, t.Name)] = t
	return d.err
}

func (b *builder) addChain(msg []byte) error {
	f, m, err := body(msg)
	if err != nil {
		return err
	}
	t, err := b.table(f, m[chainTable])
	if err != nil {
		return err
	}
	d := numbers{of: m}
	c := &Chain{
		Table: t, Name: attr.String(m[chainName]), Handle: d.u64(chainHandle), Flags: d.u32(chainFlags),
		Comment: userComment(m[chainUserData], comment),
	}
	if d.err != nil {
		return d.err
	}
	if hook, ok := m[chainHook]; ok {
		if c.Base, err = base(m, hook); err != nil {
			return fmt.Errorf("chain %s: %w", c.Name, err)
		}
	}
	t.Chains = append(t.Chains, c)
	b.chains[key(f, t.Name, c.Name)] = c
	return nil
}

// base decodes what makes a chain one that the kernel calls.
func base(m map[uint16][]byte, hook []byte) (*Base, error) {
	h, err := attr.Map(hook)
	if err != nil {
		return nil, err
	}
	d := numbers{of: h}
	out := &Base{Type: attr.String(m[chainType]), Hook: d.u32(hookNum), Priority: int32(d.u32(hookPriority))}
	// A table that sleeps has chains all the same. The policy is a verdict: NF_DROP is 0, and none means accept.
	if _, ok := m[chainPolicy]; ok {
		p := numbers{of: m}
		out.Drop = int32(p.u32(chainPolicy)) == Drop
		d.keep(p.err)
	}
	if dev := attr.String(h[hookDev]); dev != "" {
		out.Devices = []string{dev}
	}
	if list, ok := h[hookDevs]; ok {
		out.Devices = nil // the list has the one device, too
		d.keep(attr.Each(list, func(kind uint16, value []byte) error {
			name := attr.String(value)
			if kind == devicePrefix {
				name += "*"
			} else if kind != deviceName {
				return fmt.Errorf("a device is told in a way (%d) that is not known", kind)
			}
			out.Devices = append(out.Devices, name)
			return nil
		}))
	}
	return out, d.err
}

func (b *builder) addRule(msg []byte) error {
	f, m, err := body(msg)
	if err != nil {
		return err
	}
	c := b.chains[key(f, attr.String(m[ruleTable]), attr.String(m[ruleChain]))]
	if c == nil {
		return fmt.Errorf("the kernel did not tell of chain %s in table %s %s", attr.String(m[ruleChain]), f, attr.String(m[ruleTable]))
	}
	d := numbers{of: m}
	r := &Rule{Chain: c, Handle: d.u64(ruleHandle), Number: len(c.Rules) + 1, Comment: userComment(m[ruleUserData], comment)}
	d.keep(attr.Each(m[ruleExprs], func(_ uint16, value []byte) error {
		e, err := expr(value)
		r.Exprs = append(r.Exprs, e)
		return err
	}))
	if d.err != nil {
		return fmt.Errorf("rule %d of chain %s: %w", r.Number, c.Name, d.err)
	}
	c.Rules = append(c.Rules, r)
	return nil
}

func expr(b []byte) (Expr, error) {
	m, err := attr.Map(b)
	if err != nil {
		return Expr{}, err
	}
	return Expr{Name: attr.String(m[exprName]), Data: m[exprData]}, nil
}

func (b *builder) addObject(msg []byte) error {
	f, m, err := body(msg)
	if err != nil {
		return err
	}
	t, err := b.table(f, m[objectTable])
	if err != nil {
		return err
	}
	d := numbers{of: m}
	t.Objects = append(t.Objects, &Object{
		Name: attr.String(m[objectName]), Type: d.u32(objectType), Handle: d.u64(objectHandle), Data: m[objectData],
	})
	return d.err
}

// numbers reads numbers that may be left out, and keeps the first error.
type numbers struct {
	of  map[uint16][]byte
	err error
}

func (n *numbers) keep(err error) {
	if n.err == nil {
		n.err = err
	}
}

func (n *numbers) u32(kind uint16) uint32 {
	b, ok := n.of[kind]
	if !ok {
		return 0
	}
	v, err := attr.Uint32(b)
	n.keep(err)
	return v
}

func (n *numbers) u64(kind uint16) uint64 {
	b, ok := n.of[kind]
	if !ok {
		return 0
	}
	v, err := attr.Uint64(b)
	n.keep(err)
	return v
}

// userComment finds a comment in user data: one byte of type, one of length, and the text with a NUL. User data is
// whoever's who made the rule: what is not understood says nothing.
func userComment(b []byte, kind byte) string {
	for len(b) >= 2 && int(b[1])+2 <= len(b) {
		if b[0] == kind {
			return attr.String(b[2 : 2+int(b[1])])
		}
		b = b[2+int(b[1]):]
	}
	return ""
}
