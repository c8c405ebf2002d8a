package firewalld

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// Where firewalld keeps zones: firewalld.zones(5). Of one name the first counts, and the other is not read.
const (
	ownZones   = "/etc/firewalld/zones"
	stockZones = "/usr/lib/firewalld/zones"
	confFile   = "/etc/firewalld/firewalld.conf"
	// fallbackZone is the default zone where the file names none (FALLBACK_ZONE in firewall/config/__init__.py).
	fallbackZone = "public"
	// folderMode is what firewalld itself gives a folder for zones that it makes, fileMode a zone's file.
	folderMode fs.FileMode = 0o750
	fileMode   fs.FileMode = 0o644
)

func ownFile(zone string) string   { return ownZones + "/" + zone + ".xml" }
func stockFile(zone string) string { return stockZones + "/" + zone + ".xml" }

// imageZones are how packets get to zones, as the files of an image say.
func imageZones(t host.Tree) (*zoneMap, error) {
	m := &zoneMap{rest: fallbackZone}
	conf, err := t.ReadFile(confFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot find firewalld's default zone: %w", err)
	}
	for line := range strings.Lines(string(conf)) {
		name, value, _ := strings.Cut(line, "=")
		if value = strings.TrimSpace(value); strings.TrimSpace(name) == "DefaultZone" && value != "" {
			m.rest = value
		}
	}
	files, err := zoneFiles(t)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		z := files[name].zone
		z.name = name
		m.zones = append(m.zones, z)
	}
	if files[m.rest] == nil {
		return nil, fmt.Errorf("cannot find the default zone %s of firewalld: there is neither %s nor %s", m.rest, ownFile(m.rest), stockFile(m.rest))
	}
	return m, nil
}

// imageSettings are those of all zones of an image.
func imageSettings(t host.Tree) (map[string]settings, error) {
	files, err := zoneFiles(t)
	if err != nil {
		return nil, err
	}
	out := map[string]settings{}
	for name, f := range files {
		out[name] = f.settings
	}
	return out, nil
}

// zoneFiles are the files of all zones that firewalld would load.
func zoneFiles(t host.Tree) (map[string]*zoneFile, error) {
	out := map[string]*zoneFile{}
	for _, dir := range []string{stockZones, ownZones} {
		entries, err := t.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("cannot list firewalld's zones: %w", err)
		}
		for _, entry := range entries {
			name, ok := strings.CutSuffix(entry, ".xml")
			if !ok {
				if err := single(t, dir, entry); err != nil {
					return nil, err
				}
				continue
			}
			f, _, err := readZone(t, dir+"/"+entry)
			if err != nil {
				return nil, err
			}
			out[name] = f
		}
	}
	return out, nil
}

// single fails where a zone is a folder of files, which firewalld puts together (firewalld.zones(5)): a line for it has
// no one file to be in.
func single(t host.Tree, dir, entry string) error {
	info, err := t.Stat(dir + "/" + entry)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a link to nowhere, or gone meanwhile
	}
	if err != nil {
		return fmt.Errorf("cannot look at firewalld's zones: %w", err)
	}
	if info.Kind == host.Dir {
		return fmt.Errorf("cannot set ports in this image: the zone %s is a folder of files, %s/%s: make it one file", entry, dir, entry)
	}
	return nil
}

// readZone reads a zone's file.
func readZone(t host.Tree, name string) (*zoneFile, []byte, error) {
	b, err := t.ReadFile(name)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read a zone of firewalld: %w", err)
	}
	f, err := parseZone(b)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read the zone %s, which firewalld would refuse, too: %w", name, err)
	}
	return f, b, nil
}

// setImage changes the files of an image, each by one write.
func setImage(h *host.Host, out, in []owner.Line) error {
	goes, err := parseLines(out)
	if err != nil {
		return err
	}
	comes, err := parseLines(in)
	if err != nil {
		return err
	}
	for _, zone := range zonesOf(goes, comes) {
		f, b, err := readZone(h.Files.Tree, ownFile(zone))
		if errors.Is(err, fs.ErrNotExist) {
			f, b, err = readZone(h.Files.Tree, stockFile(zone))
		}
		if errors.Is(err, fs.ErrNotExist) && !slices.Contains(zonesOf(comes), zone) {
			continue // a zone that is gone has no lines to lose
		}
		if err != nil {
			return err
		}
		cs := slices.DeleteFunc(changes(map[string]settings{zone: f.settings}, goes, comes), func(c change) bool { return c.zone != zone })
		if len(cs) == 0 {
			continue
		}
		if err := writeZone(h.Files, zone, f.edit(b, cs)); err != nil {
			return err
		}
	}
	return nil
}

// writeZone writes a zone's file. One that says what the stock one does goes: that is what was there before.
func writeZone(files *host.Files, zone string, content []byte) error {
	stock, err := files.ReadFile(stockFile(zone))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot read a zone of firewalld: %w", err)
	}
	name := ownFile(zone)
	if err == nil && bytes.Equal(stock, content) {
		if err := files.Remove(name); err != nil {
			return fmt.Errorf("cannot remove a zone of firewalld: %w", err)
		}
		return nil
	}
	attr := host.Attr{Mode: fileMode, UID: -1, GID: -1}
	switch info, err := files.Stat(name); {
	case err == nil:
		attr.Mode = info.Mode
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("cannot look at a zone of firewalld: %w", err)
	}
	if err := files.MkdirAll(ownZones, folderMode); err != nil {
		return fmt.Errorf("cannot make a folder for firewalld's zones: %w", err)
	}
	if err := files.Write(name, content, attr); err != nil {
		return fmt.Errorf("cannot write a zone of firewalld: %w", err)
	}
	return nil
}
