package journal

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// bootPath tells one boot of a system from the next.
const bootPath = "/proc/sys/kernel/random/boot_id"

// Moment is when something was changed, on the monotonic clock of a run's boot.
type Moment struct {
	At time.Duration `json:"at"`
	// Cut says that the change failed or was cut short: what came of it is not known.
	Cut bool `json:"cut,omitempty"`
}

// bootOf returns the id of the boot of the system that tree is the root of, "" for none.
func bootOf(tree host.Tree) string {
	b, err := tree.ReadFile(bootPath)
	if err != nil {
		return "" // not every system has one, and an image has none
	}
	return strings.TrimSpace(string(b))
}

// note enters when c ended, or that it did not.
func (run *Run) note(c *RunChange, at time.Duration) {
	if c.Settled || run.Boot == "" || at == 0 {
		return
	}
	if run.Moments == nil {
		run.Moments = map[engine.Claim]Moment{}
	}
	run.Moments[c.Claims[0]] = Moment{At: at, Cut: !c.Ended || c.Error != ""}
}

// noteCut enters the changes that run was cut short in. When they happened is not known: by at they
// had.
func (run *Run) noteCut(at time.Duration) {
	for _, c := range run.Unfinished() {
		run.note(c, at)
	}
}

// moment is now, where that will mean something to a later run.
func (r *Recording) moment() time.Duration {
	if r.info.Boot == "" {
		return 0
	}
	return host.Monotonic()
}

// Changed returns when a run last changed the thing of that claim in this boot. whole is false
// where that change failed or was cut short.
func (j *Journal) Changed(c engine.Claim) (at time.Duration, whole bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.moments == nil {
		j.moments = j.state.moments(bootOf(j.tree))
	}
	m := j.moments[c]
	return m.At, !m.Cut
}

// Changed also knows what this run did so far.
func (r *Recording) Changed(c engine.Claim) (at time.Duration, whole bool) {
	if m, ok := r.run.Moments[c]; ok {
		return m.At, !m.Cut
	}
	return r.Journal.Changed(c)
}

// moments gathers what the runs of a boot changed and when, later runs over earlier ones.
func (s *state) moments(boot string) map[engine.Claim]Moment {
	out := map[engine.Claim]Moment{}
	if boot == "" {
		return out
	}
	add := func(info RunInfo) {
		if info.Boot != boot {
			return
		}
		for claim, m := range info.Moments {
			out[claim] = m
		}
	}
	for _, line := range s.brief {
		var info RunInfo
		if strings.Contains(line, boot) && json.Unmarshal([]byte(line), &info) == nil {
			add(info)
		}
	}
	for _, info := range s.recent {
		add(info)
	}
	if s.open != nil && s.open.Boot == boot {
		for _, c := range s.open.Unfinished() {
			out[c.Claims[0]] = Moment{At: host.Monotonic(), Cut: true}
		}
	}
	return out
}

// forgetMoments drops from the summary of a run what only counted in its own boot.
func forgetMoments(line, boot string) (string, error) {
	if !strings.Contains(line, `"moments"`) || boot != "" && strings.Contains(line, boot) {
		return line, nil
	}
	var info RunInfo
	if err := json.Unmarshal([]byte(line), &info); err != nil {
		return "", err
	}
	info.Moments = nil
	b, err := json.Marshal(info)
	return string(b), err
}
