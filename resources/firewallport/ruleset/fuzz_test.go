package ruleset

import "testing"

// FuzzDecode hands any bytes to the decoder as the messages of a kernel, one after the other in the order of a dump.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 8, 0, 1, 0, 't', 0, 0, 0}, []byte{1, 0, 0, 0, 8, 0, 1, 0, 't', 0, 0, 0, 6, 0, 3, 0, 'c', 0, 0, 0},
		[]byte{1, 0, 0, 0, 8, 0, 1, 0, 't', 0, 0, 0, 6, 0, 2, 0, 'c', 0, 0, 0, 20, 0, 4, 0x80, 16, 0, 1, 0x80, 6, 0, 1, 0, 'm', 0, 0, 0, 4, 0, 2, 0},
		[]byte{1, 0, 0, 0, 8, 0, 1, 0, 't', 0, 0, 0, 6, 0, 2, 0, 's', 0, 0, 0}, []byte{1, 0, 0, 0, 16, 0, 3, 0, 12, 0, 1, 0, 8, 0, 1, 0, 4, 0, 1, 0})
	f.Fuzz(func(_ *testing.T, table, chain, rule, set, elements []byte) {
		b := newBuilder()
		for _, err := range []error{b.addTable(table), b.addChain(chain), b.addSet(set), b.addRule(rule), b.addObject(set)} {
			if err != nil {
				continue // what is refused is refused; the next stands alone
			}
		}
		for _, t := range b.out.Tables {
			for _, s := range t.Sets {
				if s.addElements(elements) != nil {
					return
				}
			}
		}
	})
}
