package unitfile

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// compareUnit compares what is read of a unit, over D-Bus and from the disk, with what systemctl says.
func (l *live) compareUnit(t *testing.T, name string) {
	t.Helper()
	l.counts["states"]++
	st, err := l.h.View().Units.State(t.Context(), name)
	if err != nil {
		if _, _, ok := l.ask("show", name); ok {
			t.Errorf("%s: %v, and systemctl show has something to say", name, err)
		}
		l.counts["not to be read by either"]++
		return
	}
	want := l.fileState(t, name)
	disk, err := State(l.h.Files.Tree, name)
	file, _, askErr := l.h.View().Units.FileState(t.Context(), name)
	if file != want || disk != want || err != nil || askErr != nil {
		t.Errorf("%s: D-Bus says %q (%v), the disk %q (%v), systemctl is-enabled %q", name, file, askErr, disk, err, want)
	}
	l.counts["is-enabled "+want]++
	if IsTemplate(name) {
		return // systemd has no state of what has no instance
	}
	shows := l.show(t, name)
	if d := cmp.Diff(shows, shown(st)); d != "" {
		t.Errorf("%s: - systemctl show, + read:\n%s", name, d)
	}
	l.counts["load "+st.Load]++
	l.compareGlance(t, name, want, shows)
}

// compareGlance compares what a plan reads of a unit with what systemctl shows.
func (l *live) compareGlance(t *testing.T, name, file string, want map[string]string) {
	t.Helper()
	st, err := l.h.View().Pass([]string{name}).Units.Glance(t.Context(), name)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	how, have := "whole", shown(st)
	if st.Brief {
		how = "brief"
	}
	if st.Fresh {
		how = "fresh"
		want = maps.Clone(want)
		untold := []string{"FragmentPath", "DropInPaths"}
		if file == "bad" { // of a drop-in that it does not take systemd says at once, and for ever, that it wants to be read
			untold = append(untold, "NeedDaemonReload")
		}
		for _, key := range untold {
			delete(want, key)
			delete(have, key)
		}
	}
	if d := cmp.Diff(want, have); d != "" {
		t.Errorf("%s: - systemctl show, + glance:\n%s", name, d)
	}
	l.counts["glance "+how]++
}

// show is what systemctl says of a unit that is loaded.
func (l *live) show(t *testing.T, name string) map[string]string {
	t.Helper()
	out, stderr, ok := l.ask("show", "--property", "Id,LoadState,ActiveState,SubState,FragmentPath,SourcePath,DropInPaths,NeedDaemonReload", name)
	if !ok {
		t.Fatalf("systemctl show %s: %s", name, stderr)
	}
	said := map[string]string{}
	for line := range strings.Lines(out) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		said[key] = value
	}
	if said["FragmentPath"] == "" {
		said["FragmentPath"] = said["SourcePath"]
	}
	delete(said, "SourcePath")
	return said
}

func shown(st host.UnitState) map[string]string {
	reload := "no"
	if st.NeedReload {
		reload = "yes"
	}
	return map[string]string{
		"Id": st.Name, "LoadState": st.Load, "ActiveState": st.Active, "SubState": st.Sub,
		"FragmentPath": st.Fragment, "DropInPaths": strings.Join(st.DropIns, " "), "NeedDaemonReload": reload,
	}
}
