package reference

import "slices"

// About tells what a kind means, or what the attribute at a path within it means; "" is not known.
func About(kinds []Kind) func(kind string, path ...string) string {
	return func(kind string, path ...string) string {
		i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == kind })
		if i < 0 {
			return ""
		}
		doc, attrs := kinds[i].Doc, kinds[i].Attributes
		for _, name := range path {
			j := slices.IndexFunc(attrs, func(a Attribute) bool { return a.Name == name })
			if j < 0 {
				return ""
			}
			doc, attrs = attrs[j].Doc, attrs[j].Block
		}
		return doc
	}
}
