package model

import (
	"context"
	"encoding/hex"
	"errors"
	"path"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/model/record"
)

// keep has the kernel watch over a file that was found to be right, where it can, and keeps a record of it.
func keep(ctx context.Context, h *host.Host, r *record.Record) error {
	var none *host.NoVerityError
	if err := h.Files.EnableVerity(r.Path); err != nil && !errors.As(err, &none) {
		return err
	}
	sum, err := h.Files.Verity(r.Path)
	if err != nil {
		return err
	}
	r.Verity = hex.EncodeToString(sum)
	var unsettled *host.UnsettledError
	info, err := h.Files.Settle(ctx, r.Path)
	r.Unsettled = errors.As(err, &unsettled)
	if err != nil && !r.Unsettled {
		return err
	}
	r.See(info)
	if r.Verified.IsZero() {
		r.Verified = time.Now().UTC().Truncate(time.Second)
	}
	return r.Write(h.Files)
}

func nameOf(p string) string { return path.Base(p) }
