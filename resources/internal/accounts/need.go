package accounts

import (
	"errors"
	"fmt"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// NeedUser returns nil if the host has the user, and otherwise an *engine.NeedError.
func NeedUser(v host.View, name string) error {
	_, err := v.Accounts.UID(name)
	return need(engine.UserClaim(name), err)
}

// NeedGroup is NeedUser for a group.
func NeedGroup(v host.View, name string) error {
	_, err := v.Accounts.GID(name)
	return need(engine.GroupClaim(name), err)
}

func need(claim engine.Claim, err error) error {
	var unknown *host.UnknownAccountError
	if errors.As(err, &unknown) {
		return &engine.NeedError{Claim: claim, Err: fmt.Errorf("%w: declare it, or name another", err)}
	}
	return err
}

// NeedLocal is NeedGroup for a group whose members are to change, which those of the name service
// are not to.
func (db *DB) NeedLocal(v host.View, group string) error {
	if _, ok := db.GID(group); ok {
		return nil
	}
	if err := NeedGroup(v, group); err != nil {
		return err
	}
	return RemoteError("the group " + group)
}
