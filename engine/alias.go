package engine

import (
	"fmt"
	"path"
)

// aliases finds resources whose paths differ and lead to one place on this host, as /run/x and
// /var/run/x do: each would undo the other, for ever.
func (p Planner) aliases(cs []*Change) Mistakes {
	real := p.resolver()
	var mistakes Mistakes
	owner := make(map[Claim]*Change, len(cs))
	for _, c := range cs {
		if c.declared.LeftOut {
			continue
		}
		for _, claim := range c.Claims {
			there := real(claim)
			first, taken := owner[there]
			if taken && (c.Head.Implied || first.Head.Implied) {
				continue // a folder that several take for granted, by whatever name
			}
			if taken && first != c {
				mistakes = append(mistakes, Mistake{c.Place, "Two resources manage the same thing", fmt.Sprintf(
					"%s and %s (%s) both lead to %s on this host. Remove one of them.", c.Addr, first.Addr, first.Place, there)})
				continue
			}
			owner[there] = c
			if m, ok := p.taken(c, there); ok && there != claim {
				mistakes = append(mistakes, m)
			}
		}
	}
	return mistakes
}

// resolver returns a function that follows the links on the way to a claimed path. What is at the
// path itself is not followed: it is what is managed.
func (p Planner) resolver() func(Claim) Claim {
	folders := map[string]string{}
	return func(c Claim) Claim {
		name := c.Path()
		if name == "" || name == "/" {
			return c
		}
		dir := path.Dir(name)
		real, known := folders[dir]
		if !known {
			real = dir // what is wrong with it is found when the resource is read
			if below, err := p.View.Files.Resolve(path.Join(dir, "x")); err == nil {
				real = path.Dir(below)
			}
			folders[dir] = real
		}
		return PathClaim(path.Join(real, path.Base(name)))
	}
}
