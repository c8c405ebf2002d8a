package accounts

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Remote asks the name service of a running system for a user that the files do not have, nil if it
// knows none.
func Remote(ctx context.Context, v host.View, name string) (*User, error) {
	f, err := remote(ctx, v, "passwd", name, v.Accounts.UID, fieldsOf[Passwd])
	if f == nil || err != nil {
		return nil, err
	}
	return parseUser(f), nil
}

// RemoteGroup is Remote for a group: it returns its number and its members.
func RemoteGroup(ctx context.Context, v host.View, name string) (gid int, members []string, ok bool, err error) {
	f, err := remote(ctx, v, "group", name, v.Accounts.GID, fieldsOf[Group])
	if f == nil || err != nil {
		return 0, nil, false, err
	}
	return number(f[groupGID]), names(f[listMembers]), true, nil
}

func remote(ctx context.Context, v host.View, database, name string, id func(string) (int, error), fields int) ([]string, error) {
	if v.Offline {
		return nil, nil
	}
	_, err := id(name)
	var unknown *host.UnknownAccountError
	if errors.As(err, &unknown) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out, err := v.Programs.Query(ctx, "getent", database, name)
	if out.Exit == 2 { // not found
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f := strings.Split(strings.TrimRight(string(out.Stdout), "\n"), ":")
	if len(f) != fields || f[0] != name {
		return nil, fmt.Errorf("cannot read what getent %s %s printed: %q", database, name, out.Stdout)
	}
	return f, nil
}

// RemoteError says that an account is not the files' to change.
func RemoteError(name string) error {
	return fmt.Errorf("%s is kept by the name service (LDAP, sssd), and not in the files of this host: change it there", name)
}
