package firewallport

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/firewalld"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/link"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/nft"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/ufw"
)

// Owner returns the owner of a name.
func Owner(name string) (owner.Owner, error) {
	for _, o := range []owner.Owner{nft.Owner{}, firewalld.Owner{}, ufw.Owner{}} {
		if o.Name() == name {
			return o, nil
		}
	}
	return nil, fmt.Errorf("there is no firewall %q: nftables, firewalld and ufw are known", name)
}

// activeKey is under which one pass of reading remembers who owns the firewall.
type activeKey struct{}

type ownership struct {
	firewalld, ufw bool
	err            error
}

// active returns who owns the firewall of the host, or the backend that the block says if that is active.
func active(ctx context.Context, v host.View, backend string) (owner.Owner, error) {
	found := host.Once(v.Files, activeKey{}, func() ownership {
		byFirewalld, err := firewalld.Active(ctx, v)
		down, downErr := firewalld.Down(ctx, v)
		if down {
			downErr = errors.New("firewalld is enabled and does not run, so after a boot the host would have another firewall: " +
				"start it (systemctl start firewalld) or disable it")
		}
		byUFW, ufwErr := ufw.Owner{}.Active(ctx, v)
		return ownership{byFirewalld, byUFW, errors.Join(err, downErr, ufwErr)}
	})
	if found.err != nil {
		return nil, found.err
	}
	switch {
	case found.firewalld && found.ufw && (backend == auto || backend == ""):
		return nil, errors.New("both firewalld and ufw are active, and a packet has to pass both: switch one of them off, or say " +
			"which one is meant with backend = \"firewalld\" or backend = \"ufw\"")
	case backend == "firewalld" && !found.firewalld, backend == "ufw" && !found.ufw:
		return nil, fmt.Errorf("backend = %q, and %s is not active on this host: switch it on, or leave backend out", backend, backend)
	case backend == "nftables":
		return nft.Owner{}, nil
	case found.firewalld && backend != "ufw":
		return firewalld.Owner{}, nil
	case found.ufw:
		return ufw.Owner{}, nil
	}
	return nft.Owner{}, nil
}

// withLeftovers adds to the owner of the firewall the table that is there from when there was none.
func withLeftovers(own owner.Owner) []owner.Owner {
	if own.Name() == (nft.Owner{}).Name() {
		return []owner.Owner{own}
	}
	return []owner.Owner{own, nft.Owner{}}
}

// linksKey is under which one pass of reading remembers the interfaces.
type linksKey struct{}

type links struct {
	all []link.Interface
	err error
}

// interfaces lists the interfaces of the host, once in a pass.
func interfaces(ctx context.Context, v host.View) ([]link.Interface, error) {
	found := host.Once(v.Files, linksKey{}, func() links {
		all, err := link.All(ctx, v.Netlink)
		return links{all, err}
	})
	return found.all, found.err
}

// knownInterfaces refuses names that no interface of the host has. In an image nobody can tell.
func knownInterfaces(ctx context.Context, v host.View, names []string) error {
	if v.Offline || len(names) == 0 {
		return nil
	}
	all, err := interfaces(ctx, v)
	if err != nil {
		return err
	}
	var there []string
	for _, i := range all {
		there = append(there, i.Name)
	}
	var errs []error
	for _, name := range names {
		if !slices.Contains(there, name) {
			errs = append(errs, fmt.Errorf("the host has no interface %s: it has %s", name, strings.Join(there, ", ")))
		}
	}
	return errors.Join(errs...)
}
