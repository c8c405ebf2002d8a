package nft

import (
	"context"
	"fmt"
	"io/fs"
	"path"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

const (
	fileMode = fs.FileMode(0o644)
	dirMode  = fs.FileMode(0o755)
	// maxScript is the largest file that is taken for a script of ours.
	maxScript = 256 << 20
)

// artifact is a path of the persistent state: a file with a content, or a link.
type artifact struct{ path, content, link string }

// artifacts are all of them in the order in which they are made: what refers to another comes after it.
func artifacts(entries []entry, nft string) []artifact {
	return []artifact{
		{path: scriptPath, content: script(entries)},
		{path: unitPath, content: unitFile(nft)},
		{path: dropInPath, content: dropIn(nft)},
		{path: linkPath, link: unitPath},
	}
}

// readPersistent reads what the next boot brings.
func readPersistent(ctx context.Context, v host.View) (lines map[string]owner.Line, damage string, err error) {
	w, err := v.Files.ReadWhole(scriptPath, maxScript)
	if err != nil && !place.Missing(err) {
		return nil, "", fmt.Errorf("cannot read the ports that persist: %w", place.Unreadable(err))
	}
	entries, bad := parseScript(string(w.Content))
	lines, twice := byKey(entries)
	damage, err = persistentDamage(ctx, v, entries)
	switch {
	case err != nil:
		return nil, "", err
	case bad != nil:
		damage = fmt.Sprintf("%s has a rule that is not ours: %v", scriptPath, bad)
	case twice != "":
		damage = fmt.Sprintf("%s has two rules for %s", scriptPath, twice)
	}
	return lines, damage, nil
}

// persistentDamage says what of the persistent state is not as the entries make it.
func persistentDamage(ctx context.Context, v host.View, entries []entry) (string, error) {
	nft, err := findNFT(v)
	if err != nil {
		return "", err
	}
	if nft == "" && len(entries) > 0 {
		return "there is no program nft to load " + scriptPath + " with: install the package nftables", nil
	}
	for _, a := range artifacts(entries, nft) {
		found, damage, err := a.compare(v)
		switch {
		case err != nil:
			return "", err
		case len(entries) == 0 && found:
			return a.path + " is there, and no rule is", nil
		case len(entries) > 0 && damage != "":
			return damage, nil
		}
	}
	if len(entries) == 0 {
		return "", nil
	}
	stale, err := outdated(ctx, v)
	if stale != "" {
		return "systemd has not read the files of " + stale + " again", err
	}
	return "", err
}

// compare says whether anything is at the artifact's path, and what is wrong with it.
func (a artifact) compare(v host.View) (found bool, damage string, err error) {
	w, err := v.Files.ReadWhole(a.path, maxScript)
	if place.Missing(err) {
		return false, a.path + " is missing", nil
	}
	if err != nil {
		return false, "", fmt.Errorf("cannot read the ports that persist: %w", place.Unreadable(err))
	}
	uid := v.Files.User()
	switch {
	case a.link != "":
		target, err := v.Files.Readlink(a.path)
		if w.Kind == host.Symlink && err != nil {
			return true, "", fmt.Errorf("cannot read the ports that persist: %w", place.Unreadable(err))
		}
		if w.Kind != host.Symlink || target != a.link {
			return true, a.path + " is no link to " + a.link, nil
		}
	case w.Kind != host.File:
		return true, fmt.Sprintf("%s is a %s", a.path, w.Kind), nil
	case string(w.Content) != a.content:
		return true, a.path + " is not as it was written", nil
	case w.Mode != fileMode || w.UID != uid || uid == 0 && w.GID != 0:
		return true, fmt.Sprintf("%s has the mode %04o and the owner %d:%d", a.path, w.Mode, w.UID, w.GID), nil
	}
	return true, "", nil
}

// outdated is a unit of which systemd has not read what is in its files now, "" for none.
func outdated(ctx context.Context, v host.View) (string, error) {
	if !v.Units.Running() {
		return "", nil
	}
	for _, name := range []string{unitName, otherUnit} {
		st, err := v.Units.State(ctx, name)
		if err != nil {
			return "", err
		}
		if st.NeedReload {
			return name, nil
		}
	}
	return "", nil
}

// SetPersistent writes the script that makes the table, and what has it loaded.
func (o Owner) SetPersistent(ctx context.Context, h *host.Host, out, in []owner.Line) error {
	lines, damage, err := readPersistent(ctx, h.View())
	if err != nil {
		return err
	}
	entries, err := changed(lines, out, in)
	if err != nil {
		return err
	}
	want, _ := byKey(entries)
	if len(entries) == 0 && (damage != "" || len(out) > 0) {
		return remove(ctx, h) // or what a run that was stopped here has left
	}
	if damage == "" && equal(lines, want) {
		return nil
	}
	if err := o.Persists(h.View()); err != nil {
		return err
	}
	nft, err := findNFT(h.View())
	if err != nil {
		return err
	}
	units := false
	for _, a := range artifacts(entries, nft) {
		changed, err := a.put(h)
		if err != nil {
			return fmt.Errorf("cannot make ports last beyond a boot: %w", err)
		}
		units = units || changed && a.path != scriptPath
	}
	return reload(ctx, h, units)
}

// put writes what is not as it is to be, and reports whether it did.
func (a artifact) put(h *host.Host) (changed bool, err error) {
	found, damage, err := a.compare(h.View())
	if err != nil || found && damage == "" {
		return false, err
	}
	if err := h.Files.MkdirAll(path.Dir(a.path), dirMode); err != nil {
		return false, err
	}
	attr := host.Attr{Mode: fileMode, UID: 0, GID: 0}
	if h.Files.User() != 0 {
		attr.UID, attr.GID = -1, -1
	}
	if a.link != "" {
		return true, h.Files.Symlink(a.link, a.path, host.Attr{UID: attr.UID, GID: attr.GID})
	}
	return true, h.Files.Write(a.path, []byte(a.content), attr)
}

// reload has systemd read its files again, where any was changed, now or by a run that was stopped.
func reload(ctx context.Context, h *host.Host, changed bool) error {
	stale, err := outdated(ctx, h.View())
	if err != nil || stale == "" && (!changed || !h.View().Units.Running()) {
		return err
	}
	return h.Units.Do(ctx, host.DaemonReload, "")
}

// remove leaves nothing of the persistent state: first what has the script loaded, and the script last, so that nothing
// ever refers to what is gone.
func remove(ctx context.Context, h *host.Host) error {
	if err := stop(ctx, h); err != nil {
		return err
	}
	units := false
	for _, name := range []string{linkPath, dropInPath, unitPath, scriptPath} {
		_, err := h.Files.Lstat(name)
		if err == nil {
			units = units || name != scriptPath
			err = h.Files.Remove(name)
		}
		if err == nil || place.Missing(err) {
			err = removeEmpty(h, path.Dir(name))
		}
		if err != nil {
			return fmt.Errorf("cannot remove what made ports last: %w", err)
		}
	}
	return reload(ctx, h, units)
}

// stop has systemd forget that the unit ran, which would stay listed without its file. It stops nothing else: the unit
// has no ExecStop.
func stop(ctx context.Context, h *host.Host) error {
	if !h.View().Units.Running() {
		return nil
	}
	st, err := h.View().Units.State(ctx, unitName)
	if err != nil || st.Active == "inactive" {
		return err
	}
	return h.Units.Do(ctx, host.StopUnit, unitName)
}

// removeEmpty removes a folder that holds nothing any more and is as put makes them, as systemctl disable does.
func removeEmpty(h *host.Host, dir string) error {
	if dir == unitDir {
		return nil
	}
	info, err := h.Files.Lstat(dir)
	if place.Missing(err) || err == nil && (info.Kind != host.Dir || info.Mode != dirMode || info.UID != h.Files.User() || info.UID == 0 && info.GID != 0) {
		return nil
	}
	if err != nil {
		return err
	}
	names, err := h.Files.ReadDir(dir)
	if err != nil || len(names) > 0 {
		return err
	}
	return h.Files.Remove(dir)
}
