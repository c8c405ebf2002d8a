package nft

import (
	"errors"
	"fmt"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// Where the persistent state is.
const (
	scriptDir  = "/etc/agent0"
	scriptPath = scriptDir + "/firewall.nft"
	unitDir    = "/etc/systemd/system"
	unitName   = "agent0-firewall.service"
	unitPath   = unitDir + "/" + unitName
	// linkPath is what "systemctl enable" makes.
	linkDir    = unitDir + "/sysinit.target.wants"
	linkPath   = linkDir + "/" + unitName
	otherUnit  = "nftables.service"
	dropInDir  = unitDir + "/" + otherUnit + ".d"
	dropInPath = dropInDir + "/agent0-firewall.conf"
)

// unitFile loads the script before any network is configured (systemd.special(7), network-pre.target), and after
// nftables.service, which flushes all tables. It has no ExecStop: a guard that is gone lets everybody in, which is for a
// plan to say and not for whoever stops a unit, or for a shutdown.
func unitFile(nft string) string {
	return fmt.Sprintf(`# Written by agent0-converge: a plan decides what is here.
[Unit]
Description=Guard the ports that agent0-converge was told of
Documentation=man:nft(8)
DefaultDependencies=no
After=%[2]s
Wants=network-pre.target
Before=network-pre.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=%[1]s -f %[3]s
ExecReload=%[1]s -f %[3]s

[Install]
WantedBy=sysinit.target
`, nft, otherUnit, scriptPath)
}

// dropIn makes nftables.service load the script whenever it has flushed all tables: when it starts, also long after our
// own unit did, when it restarts and when it reloads. PartOf= and ReloadPropagatedFrom= in our unit would do less: they
// ask something of a unit only that is active, and a start of nftables.service is passed on by neither. With "-" a script
// that cannot be loaded is no failure of nftables.service.
func dropIn(nft string) string {
	return fmt.Sprintf(`# Written by agent0-converge: a plan decides what is here.
[Service]
ExecStartPost=-%[1]s -f %[2]s
ExecReload=-%[1]s -f %[2]s
`, nft, scriptPath)
}

// findNFT returns the path of nft(8) in the root, "" for none.
func findNFT(v host.View) (string, error) {
	for _, p := range []string{"/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"} {
		info, err := v.Files.Stat(p)
		if err == nil && info.Kind == host.File {
			return p, nil
		}
		if err != nil && !place.Missing(err) {
			return "", fmt.Errorf("cannot look for nft: %w", place.Unreadable(err))
		}
	}
	return "", nil
}

// hasSystemd reports whether systemd is what boots the root.
func hasSystemd(v host.View) bool {
	if v.Facts.Init == "systemd" || v.Units.Running() {
		return true
	}
	info, err := v.Files.Stat("/usr/lib/systemd/systemd")
	return v.Offline && err == nil && info.Kind == host.File
}

// Persists returns why the root cannot have a persistent state, or nil: SetPersistent would fail with the same.
func (Owner) Persists(v host.View) error {
	nft, err := findNFT(v)
	switch {
	case err != nil:
		return err
	case nft == "":
		return errors.New("cannot make ports last beyond a boot: there is no program nft, which loads them: install the package nftables")
	case !hasSystemd(v):
		return errors.New("cannot make ports last beyond a boot: there is no systemd, which would load them: have the host's own init set its ports")
	}
	return nil
}
