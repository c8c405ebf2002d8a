package ruleset

import (
	"context"
	"errors"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// readTries is how often the whole is read again that somebody changed meanwhile.
const readTries = 16

// Attributes of NFT_MSG_GETGEN's answer and of a request for elements (linux/netfilter/nf_tables.h).
const (
	genID              = 1
	listTable, listSet = 1, 2
)

// errMoved says that the ruleset became another one while it was read.
var errMoved = errors.New("the packet filter is being changed all the time")

// passKey is under which one pass of reading remembers the ruleset.
type passKey struct{}

type inPass struct {
	*Ruleset
	err error
}

// InPass is Read, once in a pass of reading (host.View.Pass). What it returns is shared by all who ask.
func InPass(ctx context.Context, v host.View) (*Ruleset, error) {
	got := host.Once(v.Files, passKey{}, func() inPass {
		r, err := Read(ctx, v.Netlink)
		return inPass{r, err}
	})
	return got.Ruleset, got.err
}

// Read returns all tables with everything in them, as they were at one moment. Elements that rules add and that time
// removes are those of about then.
func Read(ctx context.Context, d host.Dumps) (*Ruleset, error) {
	for try := 0; ; try++ {
		r, err := readOnce(ctx, d)
		if err == nil {
			return r, nil
		}
		// What is gone by the time that it is asked for went in a change, too.
		again := errors.Is(err, errMoved) || errors.Is(err, unix.ENOENT)
		if !again || try == readTries || context.Cause(ctx) != nil {
			return nil, fmt.Errorf("cannot read the packet filter: %w", err)
		}
	}
}

// explain tells apart the errors of the first request that say something about the kernel or the caller, and nothing about the
// ruleset.
func explain(err error) error {
	switch {
	case errors.Is(err, unix.EPERM):
		return &PermissionError{err}
	case errors.Is(err, unix.EPROTONOSUPPORT), errors.Is(err, unix.EAFNOSUPPORT), // no nfnetlink
		errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP): // no such subsystem of nfnetlink
		return &MissingError{err}
	}
	return err
}

// readOnce reads everything, and fails with errMoved where it was not of one generation.
func readOnce(ctx context.Context, d host.Dumps) (*Ruleset, error) {
	before, err := generation(ctx, d)
	if err != nil {
		return nil, explain(err)
	}
	b := newBuilder()
	for _, part := range []struct {
		kind uint16
		add  func([]byte) error
	}{
		{unix.NFT_MSG_GETTABLE, b.addTable},
		{unix.NFT_MSG_GETCHAIN, b.addChain},
		{unix.NFT_MSG_GETSET, b.addSet},
		{unix.NFT_MSG_GETRULE, b.addRule},
		{unix.NFT_MSG_GETOBJ, b.addObject},
	} {
		// The family that is none (NFPROTO_UNSPEC) asks for all.
		if err := each(ctx, d, part.kind, make([]byte, header), part.add); err != nil {
			return nil, movedOr(ctx, d, before, err)
		}
	}
	for _, t := range b.out.Tables {
		for _, s := range t.Sets {
			if err := each(ctx, d, unix.NFT_MSG_GETSETELEM, elementsOf(t, s), s.addElements); err != nil {
				return nil, movedOr(ctx, d, before, err)
			}
		}
	}
	return b.out, movedOr(ctx, d, before, nil)
}

// movedOr is errMoved where the generation is not the one before, else err: what does not fit together because it was
// changed meanwhile is no damage.
func movedOr(ctx context.Context, d host.Dumps, before uint32, err error) error {
	now, genErr := generation(ctx, d)
	switch {
	case err == nil && genErr != nil:
		return genErr
	case genErr == nil && now != before:
		return errMoved
	}
	return err
}

// generation is the number of the last change.
func generation(ctx context.Context, d host.Dumps) (id uint32, err error) {
	err = each(ctx, d, unix.NFT_MSG_GETGEN, make([]byte, header), func(msg []byte) error {
		_, m, err := body(msg)
		if err != nil {
			return err
		}
		n := numbers{of: m}
		id = n.u32(genID)
		return n.err
	})
	return id, err
}

// each asks for one kind of object, and hands on each message.
func each(ctx context.Context, d host.Dumps, kind uint16, payload []byte, add func([]byte) error) error {
	ms, err := d.Dump(ctx, unix.NETLINK_NETFILTER, unix.NFNL_SUBSYS_NFTABLES<<8|kind, payload)
	if err != nil {
		return err
	}
	for _, m := range ms {
		if err := add(m.Data); err != nil {
			return fmt.Errorf("cannot understand the kernel (nf_tables message %#x): %w", kind, err)
		}
	}
	return nil
}

// elementsOf asks for the elements of a set.
func elementsOf(t *Table, s *Set) []byte {
	b := []byte{byte(t.Family), unix.NFNETLINK_V0, 0, 0}
	names, err := netlink.MarshalAttributes([]netlink.Attribute{
		{Type: listTable, Data: append([]byte(t.Name), 0)},
		{Type: listSet, Data: append([]byte(s.Name), 0)},
	})
	if err != nil {
		return b // only attributes longer than 64 KiB are an error, and names are not
	}
	return append(b, names...)
}
