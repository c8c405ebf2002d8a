package model

import (
	"context"
	"errors"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Part is one file of a model.
type Part struct {
	// Path is where a plan wants it.
	Path string
	// SHA256 is what it is known by, all zero for a model that is not verified.
	SHA256 [32]byte
	// Size is in bytes, -1 where the plan does not say it to the byte.
	Size int64

	file file
}

// Parts are the files of the model, the first of them first.
func (s *Spec) Parts() []Part {
	var out []Part
	for _, f := range s.files() {
		out = append(out, Part{Path: f.path, SHA256: sumOf(f), Size: f.size.exact(), file: f})
	}
	return out
}

// Fetch gets one file of the model to a place on h, where no plan wants it: on a stick that is carried elsewhere.
// Files that are its sources are those of from. It is verified as one that is applied.
func (s *Spec) Fetch(ctx context.Context, from host.View, h *host.Host, p Part, to string, tell func(engine.Progress)) error {
	o, err := s.opener(from)
	if err != nil {
		return err
	}
	defer o.Close()
	g, err := s.fetchOne(ctx, h, o, p.file, to, &telling{tell: tell, total: p.Size})
	if err != nil {
		return err
	}
	return errors.Join(g.Publish(to, host.Attr{Mode: freshMode, UID: -1, GID: -1}, nil), g.Close())
}
