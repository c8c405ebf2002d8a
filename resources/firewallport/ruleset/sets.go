package ruleset

import (
	"fmt"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/attr"
)

// Attributes of sets and elements (linux/netfilter/nf_tables.h).
const (
	setTable, setName, setFlags, setKeyType, setKeyLen, setDataType, setDataLen = 1, 2, 3, 4, 5, 6, 7
	setDesc, setTimeout, setUserData, setObjectType, setHandle                  = 9, 11, 13, 15, 16
	setExpr, setExprs                                                           = 17, 18
	descSize, descConcat, fieldLen                                              = 1, 2, 1

	listElements = 3

	elemKey, elemData, elemFlags, elemTimeout, elemExpires, elemUserData = 1, 2, 3, 4, 5, 6
	elemExpr, elemObject, elemKeyEnd, elemExprs                          = 7, 9, 10, 11
	elemIntervalEnd, elemCatchAll                                        = 1, 2

	dataValue, dataVerdict    = 1, 2
	verdictCode, verdictChain = 1, 2
)

func (b *builder) addSet(msg []byte) error {
	f, m, err := body(msg)
	if err != nil {
		return err
	}
	t, err := b.table(f, m[setTable])
	if err != nil {
		return err
	}
	d := numbers{of: m}
	s := &Set{
		Table: t, Name: attr.String(m[setName]), Handle: d.u64(setHandle), Flags: d.u32(setFlags),
		KeyType: d.u32(setKeyType), KeyLen: d.u32(setKeyLen), DataType: d.u32(setDataType), DataLen: d.u32(setDataLen),
		ObjectType: d.u32(setObjectType), Timeout: d.u64(setTimeout), Comment: userComment(m[setUserData], setComment),
	}
	d.keep(s.describe(m[setDesc]))
	if s.Exprs, err = Exprs(m, setExpr, setExprs); err != nil {
		d.keep(err)
	}
	if d.err != nil {
		return fmt.Errorf("set %s: %w", s.Name, d.err)
	}
	t.Sets[s.Name] = s
	return nil
}

// describe decodes how large a set may be, and of what its keys are concatenated.
func (s *Set) describe(desc []byte) error {
	m, err := attr.Map(desc)
	if err != nil {
		return err
	}
	d := numbers{of: m}
	s.Size = d.u32(descSize)
	d.keep(attr.Each(m[descConcat], func(_ uint16, field []byte) error {
		f, err := attr.Map(field)
		if err != nil {
			return err
		}
		n, err := attr.Uint32(f[fieldLen])
		s.FieldLens = append(s.FieldLens, n)
		return err
	}))
	return d.err
}

// Exprs decodes the one expression or the list of them that an object has, by the attributes that hold them.
func Exprs(m map[uint16][]byte, one, several uint16) ([]Expr, error) {
	if b, ok := m[several]; ok {
		var out []Expr
		err := attr.Each(b, func(_ uint16, value []byte) error {
			e, err := expr(value)
			out = append(out, e)
			return err
		})
		return out, err
	}
	if b, ok := m[one]; ok {
		e, err := expr(b)
		return []Expr{e}, err
	}
	return nil, nil
}

// addElements adds those that one message tells of.
func (s *Set) addElements(msg []byte) error {
	_, m, err := body(msg)
	if err != nil {
		return err
	}
	err = attr.Each(m[listElements], func(_ uint16, value []byte) error {
		e, err := element(value)
		s.Elements = append(s.Elements, e)
		return err
	})
	if err != nil {
		return fmt.Errorf("set %s: %w", s.Name, err)
	}
	return nil
}

func element(b []byte) (Element, error) {
	m, err := attr.Map(b)
	if err != nil {
		return Element{}, err
	}
	d := numbers{of: m}
	flags := d.u32(elemFlags)
	e := Element{
		IntervalEnd: flags&elemIntervalEnd != 0, CatchAll: flags&elemCatchAll != 0,
		Object: attr.String(m[elemObject]), Timeout: d.u64(elemTimeout), Expires: d.u64(elemExpires),
		Comment: userComment(m[elemUserData], comment),
	}
	for _, k := range []struct {
		kind uint16
		to   *[]byte
	}{{elemKey, &e.Key}, {elemKeyEnd, &e.KeyEnd}, {elemData, &e.Value}} {
		v, ok := m[k.kind]
		if !ok {
			continue
		}
		value, verdict, err := Data(v)
		d.keep(err)
		*k.to = value
		if verdict != nil {
			e.Verdict = verdict
		}
	}
	e.Exprs, err = Exprs(m, elemExpr, elemExprs)
	d.keep(err)
	return e, d.err
}

// Data decodes NFTA_DATA_*: bytes or a verdict.
func Data(b []byte) ([]byte, *Verdict, error) {
	m, err := attr.Map(b)
	if err != nil {
		return nil, nil, err
	}
	v, ok := m[dataVerdict]
	if !ok {
		return m[dataValue], nil, nil
	}
	if m, err = attr.Map(v); err != nil {
		return nil, nil, err
	}
	code, err := attr.Uint32(m[verdictCode])
	return nil, &Verdict{Code: int32(code), Chain: attr.String(m[verdictChain])}, err
}
