package place

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// platform returns why an attribute cannot be asked for here, or nil.
func platform(string) error { return nil }

// Private is the mode of what holds secrets, as a default.
const Private = "0600"

// Observe returns the attributes of a path. An account is spelled as said spells it, if that is
// the same one, since an account may have more than one name.
func Observe(v host.View, info host.Info, said Attributes) Attributes {
	return Attributes{
		Owner: spelled(said.Owner, info.UID, v.Accounts.UID, v.Accounts.UserName),
		Group: spelled(said.Group, info.GID, v.Accounts.GID, v.Accounts.GroupName),
		Mode:  fmt.Sprintf("%04o", info.Mode),
	}
}

func spelled(said string, id int, number func(string) (int, error), name func(int) string) string {
	if said != "" {
		if n, err := number(said); err == nil && n == id {
			return said
		}
	}
	return name(id)
}

// Attr turns a into numbers. What a does not say stays as have has it; where nothing is there
// yet, have is nil and it is root's, with the mode fresh. Who is not root can give nothing to
// root and makes it their own.
func (a Attributes) Attr(v host.View, have *host.Info, fresh fs.FileMode) (host.Attr, error) {
	out := host.Attr{Mode: fresh}
	if v.Files.User() != 0 {
		out.UID, out.GID = -1, -1
	}
	if have != nil {
		out = host.Attr{Mode: have.Mode, UID: have.UID, GID: have.GID}
	}
	var errs []error
	if a.Owner != "" {
		uid, err := v.Accounts.UID(a.Owner)
		out.UID, errs = uid, append(errs, need(engine.UserClaim(a.Owner), err))
	}
	if a.Group != "" {
		gid, err := v.Accounts.GID(a.Group)
		out.GID, errs = gid, append(errs, need(engine.GroupClaim(a.Group), err))
	}
	if a.Mode != "" {
		mode, err := strconv.ParseUint(a.Mode, 8, 32)
		out.Mode, errs = fs.FileMode(mode), append(errs, err)
	}
	return out, errors.Join(errs...)
}

// need is an account that is not there and that the plan may bring.
func need(claim engine.Claim, err error) error {
	var unknown *host.UnknownAccountError
	if errors.As(err, &unknown) {
		return &engine.NeedError{Claim: claim, Err: fmt.Errorf("%w: declare it, or name another", err)}
	}
	return err
}

// checkOwner returns why the process cannot give the path what a asks for.
func (a Attributes) checkOwner(v host.View, have *host.Info) error {
	attr, err := a.Attr(v, have, 0)
	me := v.Files.User()
	if err != nil || me == 0 {
		return err
	}
	if have != nil && have.UID != me {
		return fmt.Errorf("it belongs to %s: run as root", v.Accounts.UserName(have.UID))
	}
	if attr.UID != -1 && attr.UID != me {
		return fmt.Errorf("only root gives files to %s: run as root", a.Owner)
	}
	return nil
}
