package place

import "github.com/agent0-converge/agent0-converge/engine/host"

// Found is what is at a path.
type Found struct {
	Info   host.Info
	Xattrs map[string][]byte
	Attributes
}

// Find looks at what is at the path p itself, links included; nil is nothing. What is not of the
// kind that is managed, which what names, is an *engine.OccupiedError. Accounts are spelled as said
// spells them.
func Find(v host.View, p string, kind host.Kind, what string, said Attributes) (*Found, error) {
	info, err := v.Files.Lstat(p)
	if Missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, Unreadable(err)
	}
	if info.Kind != kind {
		return nil, Occupied(v, p, info, what)
	}
	xattrs, err := Xattrs(v, p)
	if err != nil {
		return nil, err
	}
	return &Found{Info: info, Xattrs: xattrs, Attributes: Observe(v, info, said)}, nil
}
