package accounts

import (
	"context"
	"errors"
	"fmt"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// The orders in which files are written, so that whoever finds some written and some not finds the
// account unfinished: the line that makes it comes last, and goes last.
var (
	UserOrder  = []string{Gshadow, Group, Shadow, Passwd}
	GroupOrder = []string{Passwd, Gshadow, Group}
)

// Change reads the files under the lock of all who edit them, lets edit change them, and writes
// those that it changed in the order.
func Change(ctx context.Context, h *host.Host, order []string, edit func(*DB) error) error {
	lock, err := h.Files.LockAccounts(ctx)
	if err != nil {
		return err
	}
	wrote, err := change(h, order, edit)
	if err = errors.Join(err, lock.Close()); err != nil || !wrote || h.Offline {
		return err
	}
	return flush(ctx, h)
}

func change(h *host.Host, order []string, edit func(*DB) error) (bool, error) {
	db, err := Load(h.View(), order...)
	if err != nil {
		return false, err
	}
	if err := edit(db); err != nil {
		return false, err
	}
	tables := db.changed(order)
	for _, t := range tables {
		attr := host.Attr{Mode: t.info.Mode, UID: -1, GID: -1}
		if err := h.Files.Write(t.path, []byte(t.String()), attr); err != nil {
			return true, err
		}
	}
	return len(tables) > 0, nil
}

// caches are daemons that remember accounts: the socket that shows that one runs, and what makes it
// forget.
var caches = []struct {
	socket string
	argv   [][]string
}{
	{"/run/nscd/socket", [][]string{{"nscd", "-i", "passwd"}, {"nscd", "-i", "group"}}},
	{"/var/lib/sss/pipes/nss", [][]string{{"sss_cache", "-U", "-G"}}},
}

// flush makes the daemons that remember accounts forget them.
func flush(ctx context.Context, h *host.Host) error {
	for _, c := range caches {
		if _, err := h.Files.Lstat(c.socket); err != nil {
			continue
		}
		for _, argv := range c.argv {
			if _, err := h.Programs.Run(ctx, argv...); err != nil {
				return fmt.Errorf("the accounts were changed, and a daemon that remembers them was not told: %w", err)
			}
		}
	}
	return nil
}
