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
	if there, err := isThere(v, p, kind, what, info, err); !there {
		return nil, err
	}
	xattrs, err := Xattrs(v, p)
	if err != nil {
		return nil, err
	}
	return &Found{Info: info, Xattrs: xattrs, Attributes: Observe(v, info, said)}, nil
}

// FindWhole is Find for a file, with its content. One that is longer than max has neither that nor
// extended attributes.
func FindWhole(v host.View, p, what string, said Attributes, max int64) (*Found, []byte, error) {
	w, err := v.Files.ReadWhole(p, max)
	if there, err := isThere(v, p, host.File, what, w.Info, err); !there {
		return nil, nil, err
	}
	return &Found{Info: w.Info, Xattrs: w.Xattrs, Attributes: Observe(v, w.Info, said)}, w.Content, nil
}

// isThere tells from how looking at p went whether it is what is managed.
func isThere(v host.View, p string, kind host.Kind, what string, info host.Info, err error) (bool, error) {
	switch {
	case Missing(err):
		return false, nil
	case err != nil:
		return false, Unreadable(err)
	case info.Kind != kind:
		return false, Occupied(v, p, info, what)
	}
	return true, nil
}
