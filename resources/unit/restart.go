package unit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// recordDir has a record of each unit's present start. What is in /run ends with the boot, as the
// starts do.
const recordDir = engine.RunDir + "/units"

// record is what a unit was started with, by a run that started it or found that it needs no
// restart.
type record struct {
	// Invocation is the start that this is about: of any other, nothing is known.
	Invocation string `json:"invocation"`
	// Restart and Reload identify what the unit refers to, "" for not known.
	Restart string `json:"restart,omitempty"`
	Reload  string `json:"reload,omitempty"`
	// Files identify what the unit's files say, by path.
	Files map[string]string `json:"files,omitempty"`
	// At is when this was so, on the monotonic clock.
	At time.Duration `json:"at"`
	// Resume is a unit that is stopped for the time of a restart of this one.
	Resume string `json:"resume,omitempty"`
}

func recordPath(name string) string { return path.Join(recordDir, name) }

// readRecord returns nil where there is none, or none that can be read: then the times decide.
func readRecord(v host.View, name string) (*record, error) {
	b, err := v.Files.ReadFile(recordPath(name))
	if place.Missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, place.Unreadable(err)
	}
	var r record
	if err := json.Unmarshal(b, &r); err != nil {
		v.Log.Warn("the record of a unit's start is not readable: whether it needs a restart is told by the times", "unit", name, "error", err)
		return &record{}, nil
	}
	return &r, nil
}

// writeRecord records what the unit runs with now.
func writeRecord(h *host.Host, want *Spec, live *host.UnitState, files []File, was *record) error {
	r := record{Invocation: live.Invocation, Restart: want.restart.Digest, Reload: want.reload.Digest, Files: digests(files), At: host.Monotonic()}
	if was != nil {
		now := r
		now.At = was.At
		if reflect.DeepEqual(now, *was) {
			return nil
		}
	}
	return r.write(h, want.Name)
}

func (r *record) write(h *host.Host, name string) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := h.Files.MkdirAll(recordDir, 0o700); err != nil {
		return err
	}
	return h.Files.Write(recordPath(name), b, host.Attr{Mode: 0o600, UID: -1, GID: -1})
}

// digests identify what files say to a unit that runs: neither how it is written nor [Install],
// which is of no concern to a process.
func digests(files []File) map[string]string {
	out := map[string]string{}
	for _, f := range files {
		if !f.there() || path.Dir(f.Path) == presetDir {
			continue
		}
		out[f.Path] = digest(f)
	}
	return out
}

func digest(f File) string {
	said := parse(f.text())
	delete(said, "Install")
	b, err := json.Marshal(said)
	if said == nil || err != nil {
		b = []byte(f.text())
	}
	sum := sha256.Sum256(append(b, f.Target...))
	return hex.EncodeToString(sum[:16])
}

// todo is what a unit that runs is to be told, with the reasons.
type todo struct{ restart, reload string }

// due finds whether what runs has to be started anew, or to read its files again.
func due(have, want *Spec) todo {
	var do todo
	if !have.mayRestart(want) {
		return do
	}
	do.restart, do.reload = have.whyRestart(want), have.whyReload(want)
	if do.restart == "" && do.reload != "" && !have.live.CanReload {
		do.restart, do.reload = do.reload+"; it cannot be reloaded", ""
	}
	if do.restart != "" {
		do.reload = ""
	}
	return do
}

// mayRestart reports whether the unit runs, is to run on, and can be started anew at all.
func (s *Spec) mayRestart(want *Spec) bool {
	return s.active() && !s.self && want.State != stopped && !s.once() && restartable(s.kind())
}

// once reports whether the unit is a command that ends: its next start finds all as it is then.
func (s *Spec) once() bool { return s.live.Type == "oneshot" && !s.live.RemainAfterExit }

// restartable reports whether units of a type have anything of their own that runs. A restart of a
// slice or a target would end all that is in it, and both take new settings up by daemon-reload.
func restartable(kind string) bool { return kind != "slice" && kind != "target" }

func (s *Spec) whyRestart(want *Spec) string {
	in := want.restart
	switch {
	case len(in.Pending) > 0:
		return changes(in.Pending)
	case s.record != nil && s.record.Resume != "":
		return "a restart was cut short"
	}
	if s.ownChange(want) {
		return "its settings change"
	}
	r := s.present()
	if r != nil && s.otherFiles(r) {
		return "its settings changed since it was started"
	}
	if r != nil && in.Digest != "" && r.Restart != "" && in.Digest != r.Restart {
		return "what it refers to changed since it was started"
	}
	if r != nil && in.Digest != "" && r.Restart != "" && s.knowsFiles(r) {
		return ""
	}
	if s.live.ActiveEnter < in.Changed {
		return "it was started before what it refers to was changed"
	}
	return ""
}

func (s *Spec) whyReload(want *Spec) string {
	in := want.reload
	if len(in.Pending) > 0 {
		return changes(in.Pending)
	}
	since, r := s.live.ActiveEnter, s.present()
	if r != nil {
		since = max(since, r.At)
	}
	if r != nil && in.Digest != "" && r.Reload != "" {
		if in.Digest != r.Reload {
			return "what it reads changed since it was last reloaded"
		}
		return ""
	}
	if since < in.Changed {
		return "it was started before what it reads was changed"
	}
	return ""
}

// changes says what is about to change.
func changes(as []engine.Addr) string {
	if len(as) == 1 {
		return names(as) + " changes"
	}
	return names(as) + " change"
}

func names(as []engine.Addr) string {
	out := make([]string, len(as))
	for i, a := range as {
		out[i] = string(a)
	}
	return strings.Join(out, ", ")
}

// present is the record of the start that runs, nil if that was recorded by nobody.
func (s *Spec) present() *record {
	if s.record == nil || s.record.Invocation == "" || s.record.Invocation != s.live.Invocation {
		return nil
	}
	return s.record
}

// ownChange reports whether a file is about to say something else to what runs.
func (s *Spec) ownChange(want *Spec) bool {
	for _, c := range s.changes(want) {
		if path.Dir(c.have.Path) != presetDir && (c.have.there() != c.want.there() || digest(c.have) != digest(c.want)) {
			return true
		}
	}
	return false
}

// otherFiles reports whether files say something else than when the unit was started, or are gone
// since.
func (s *Spec) otherFiles(r *record) bool {
	now := digests(s.Files)
	for p, was := range r.Files {
		_, managed := s.file(p)
		if managed && now[p] != was || !managed && s.label(p) != "" && !slices.Contains(s.foreign, p) {
			return true
		}
	}
	return false
}

// knowsFiles reports whether the record has all files. Of others it cannot tell whether the plan
// came to manage them, or a run wrote them and was cut short.
func (s *Spec) knowsFiles(r *record) bool {
	for p := range digests(s.Files) {
		if _, known := r.Files[p]; !known {
			return false
		}
	}
	return true
}
