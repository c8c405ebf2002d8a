package model

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/model/record"
)

// watchOver has the kernel check every page of a file that is right, where it can (fs-verity).
func watchOver(h *host.Host, name string) error {
	err := h.Files.EnableVerity(name)
	if _, none := errors.AsType[*host.NoVerityError](err); none {
		return nil
	}
	return err
}

// keep keeps a record of a file that was found to be right.
func keep(ctx context.Context, h *host.Host, r *record.Record) error {
	if err := watchOver(h, r.Path); err != nil {
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
