package ufw

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

const (
	// confFile says whether ufw is switched on, defaultsFile whether it has to do with IPv6.
	confFile     = "/etc/ufw/ufw.conf"
	defaultsFile = "/etc/default/ufw"
)

// family is one of the two halves of ufw, which have nothing in common.
type family struct {
	v6 bool
	// file holds the tuples, template is what a package's script makes it from.
	file, template string
	// prefix begins the names of the chains.
	prefix        string
	save, restore string
	// anywhere is the network of all addresses.
	anywhere string
}

func ipv4() family {
	return family{false, "/etc/ufw/user.rules", "/usr/share/ufw/iptables/user.rules", "ufw", "iptables-save", "iptables-restore", "0.0.0.0/0"}
}

func ipv6() family {
	return family{true, "/etc/ufw/user6.rules", "/usr/share/ufw/iptables/user6.rules", "ufw6", "ip6tables-save", "ip6tables-restore", "::/0"}
}

func familyOf(v6 bool) family {
	if v6 {
		return ipv6()
	}
	return ipv4()
}

// Active reports whether ufw owns the firewall: it is installed, switched on and, on a running system, loaded. One that is
// switched on and not loaded is an error, since the host would be another after the next boot.
func (o Owner) Active(ctx context.Context, v host.View) (bool, error) {
	on, err := setting(v, confFile, "ENABLED")
	if err != nil || !on {
		return false, err
	}
	if there, err := installed(v); err != nil || !there {
		return false, err // the settings of a package that was removed
	}
	if v.Offline {
		return true, nil
	}
	families, err := o.families(v)
	if err != nil {
		return false, err
	}
	for _, f := range families {
		if _, err := readKernel(ctx, v, f); err != nil {
			return false, err
		}
	}
	return true, nil
}

// IPv6 reports whether ufw has to do with IPv6. Where it has not, it lets in none but on the loopback interface, and lines
// are for IPv4 only.
func (Owner) IPv6(v host.View) (bool, error) {
	on, err := setting(v, defaultsFile, "IPV6")
	if err != nil || !on || v.Offline {
		return on, err
	}
	if _, err := v.Files.Stat("/proc/sys/net/ipv6"); err != nil { // as ufw asks
		if missing(err) {
			return false, nil
		}
		return false, place.Unreadable(err)
	}
	return true, nil
}

func (o Owner) families(v host.View) ([]family, error) {
	on, err := o.IPv6(v)
	if err != nil {
		return nil, err
	}
	if !on {
		return []family{ipv4()}, nil
	}
	return []family{ipv4(), ipv6()}, nil
}

// installed reports whether the command is there.
func installed(v host.View) (bool, error) {
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"} {
		_, err := v.Files.Stat(dir + "/ufw")
		if err == nil {
			return true, nil
		}
		if !missing(err) {
			return false, place.Unreadable(err)
		}
	}
	return false, nil
}

// setting reports whether a variable of a shell file is yes. The last line that sets it counts, and no file is no.
func setting(v host.View, file, name string) (bool, error) {
	b, err := v.Files.ReadFile(file)
	if missing(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot tell how ufw is set up: %w", place.Unreadable(err))
	}
	on := false
	for line := range strings.Lines(string(b)) {
		value, ok := strings.CutPrefix(strings.TrimSpace(line), name+"=")
		if !ok {
			continue
		}
		value, _, _ = strings.Cut(value, "#")
		// Of all spellings these are what lib/ufw/ufw-init-functions takes for yes at boot.
		on = slices.Contains([]string{"yes", "YES"}, strings.Trim(strings.TrimSpace(value), `"'`))
	}
	return on, nil
}
