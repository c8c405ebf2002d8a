package unit

import (
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host/unitfile"
)

// essentials are what systemd refuses a unit of a type without: one directive of these names, or,
// where they end with a star, that begin so.
func essentials() map[string]struct {
	names []string
	text  string
} {
	return map[string]struct {
		names []string
		text  string
	}{
		"service":   {[]string{"ExecStart", "ExecStop", "SuccessAction"}, "a service needs ExecStart"},
		"socket":    {[]string{"Listen*"}, "a socket needs an address: ListenStream, ListenDatagram or another Listen…"},
		"timer":     {[]string{"On*"}, "a timer needs a time: OnCalendar, OnBootSec or another On…"},
		"path":      {[]string{"Path*", "DirectoryNotEmpty"}, "a path unit needs what it watches: PathExists, PathChanged, PathModified or DirectoryNotEmpty"},
		"mount":     {[]string{"What"}, "a mount needs What, which is mounted"},
		"automount": {[]string{"Where"}, "an automount needs Where"},
		"swap":      {[]string{"What"}, "a swap needs What, the device or file"},
	}
}

// complete refuses a unit that systemd would not load for what it lacks.
func (s *Spec) complete() error {
	need, ok := essentials()[s.kind()]
	if !ok || !s.ownFile() {
		return nil
	}
	texts := []string{s.text()}
	for _, d := range s.Dropins {
		texts = append(texts, d.text())
	}
	for _, text := range texts {
		for key := range parse(text)[sectionOf(s.kind())] {
			if slices.ContainsFunc(need.names, func(n string) bool {
				begin, open := strings.CutSuffix(n, "*")
				return key == n || open && strings.HasPrefix(key, begin)
			}) {
				return s.consistent()
			}
		}
	}
	return mistake(s.kind(), "%s", need.text)
}

// consistent refuses what systemd would refuse of a unit that has all it needs.
func (s *Spec) consistent() error {
	switch s.kind() {
	case "service":
		if kind := s.last("Service", "Type"); kind != "oneshot" && len(s.all("Service", "ExecStart")) > 1 {
			return mistake("service", "only a service of Type = \"oneshot\" has more than one ExecStart")
		}
	case "mount", "automount":
		where := s.last(sectionOf(s.kind()), "Where")
		if where == "" || strings.Contains(where, "%") {
			break
		}
		name, err := unitfile.Escape(where)
		if err != nil {
			return mistake(s.kind(), "%w", err)
		}
		if name += "." + s.kind(); name != s.Name {
			return mistake("name", "a %s unit has the name of its place: write name = %q", s.kind(), name)
		}
	}
	return nil
}
