package unit

import (
	"maps"
	"path"
	"slices"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// freshFolder is the mode of a new folder for links.
const freshFolder = 0o755

// clear removes folders that are empty now and were not there before.
func clear(h *host.Host, have, want *Spec) error {
	dirs := slices.Clone(have.Empty)
	for p := range have.Links {
		dirs = append(dirs, path.Dir(p))
	}
	if _, managed := have.file(have.presetPath()); managed {
		dirs = append(dirs, presetDir)
	}
	slices.Sort(dirs)
	for _, dir := range slices.Compact(dirs) {
		if slices.Contains(want.Empty, dir) {
			continue
		}
		if err := removeEmpty(h, dir); err != nil {
			return err
		}
	}
	return nil
}

// clearMade removes folders that were made on the way to links of the unit: which those are is told only by what
// specifiers in its [Install] stand for. The others are resources of their own.
func clearMade(h *host.Host, have *Spec) error {
	declared := have.folders()
	links := maps.Clone(have.wanted) // which are there no more if a run was cut short here
	if links == nil {
		links = map[string]string{}
	}
	maps.Copy(links, have.Links)
	for _, p := range slices.Sorted(maps.Keys(links)) {
		if dir := path.Dir(p); !slices.Contains(declared, dir) {
			if err := removeEmpty(h, dir); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeEmpty removes a folder for links or presets that holds nothing any more, as systemctl disable does. One
// that another put there with a mode or an owner of its own stays: it would come back without them.
func removeEmpty(h *host.Host, dir string) error {
	empty, err := isEmpty(h.View(), dir)
	if !empty || err != nil {
		return err
	}
	plain, err := isPlain(h.View(), dir)
	if !plain || err != nil {
		return err
	}
	return h.Files.Remove(dir)
}

// isPlain reports whether a folder is as relink makes them. A label of SELinux follows from its path.
func isPlain(v host.View, dir string) (bool, error) {
	info, err := v.Files.Lstat(dir)
	if err != nil || info.Mode != freshFolder || info.UID != v.Files.User() || info.UID == 0 && info.GID != 0 {
		return false, err
	}
	more, err := place.Xattrs(v, dir)
	delete(more, "security.selinux")
	return len(more) == 0, err
}
