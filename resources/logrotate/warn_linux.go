package logrotate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// Warn says what logrotate takes and will probably not do as meant.
func (rule) Warn(_ context.Context, v host.View, _, want *Spec) error {
	if want == nil || want.Raw != nil {
		return nil
	}
	errs := []error{warnUnread(v)}
	if want.Every == "hourly" {
		errs = append(errs, warnHourly(v))
	}
	if on(want.DateExt) && want.Size+want.MaxSize != "" {
		errs = append(errs, errors.New("with dateext a log is rotated at most once a day, however large it is: its new name is the day"))
	}
	for _, p := range want.Paths {
		if base := path.Base(p); isPattern(base) && want.OldDir == "" && match(base, strings.NewReplacer("*", "x", "?", "x").Replace(base)+".1") {
			errs = append(errs, fmt.Errorf("%s stands for rotated logs too, which would be rotated again: narrow it, as to *.log, or set olddir", p))
		}
	}
	return errors.Join(errs...)
}

func warnUnread(v host.View) error {
	c, err := survey(v)
	switch {
	case err != nil:
		return nil // which Check says
	case !c.main:
		return fmt.Errorf("there is no %s, so nothing reads the rule: install logrotate", mainFile)
	case !c.included:
		return fmt.Errorf("%s does not include %s, so nothing reads the rule", mainFile, dir)
	}
	return nil
}

// rareTimers are the words of systemd.time(7) for more than an hour.
func rareTimers() []string {
	return []string{"daily", "weekly", "monthly", "quarterly", "semiannually", "yearly", "annually"}
}

// warnHourly looks for what runs logrotate more often than once a day.
func warnHourly(v host.View) error {
	if _, err := v.Files.Stat("/etc/cron.hourly/logrotate"); err == nil {
		return nil
	}
	for _, when := range timer(v) {
		if !slices.Contains(rareTimers(), when) {
			return nil // what else it says was set by somebody who knows
		}
	}
	return errors.New("nothing that is known here runs logrotate each hour, so the log is rotated when it runs: " +
		"set OnCalendar=hourly in a drop-in of logrotate.timer, or make /etc/cron.hourly/logrotate")
}

// unitDirs are where systemd looks for units, the first to win.
func unitDirs() []string {
	return []string{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}
}

// timer is what logrotate.timer and its drop-ins say of OnCalendar.
func timer(v host.View) []string {
	files := map[string]string{} // by the order in which they are read
	for _, d := range slices.Backward(unitDirs()) {
		if _, err := v.Files.Stat(d + "/logrotate.timer"); err == nil {
			files[""] = d + "/logrotate.timer"
		}
		names, err := v.Files.ReadDir(d + "/logrotate.timer.d")
		if err != nil && !place.Missing(err) {
			continue // a timer that cannot be read is none that is known
		}
		for _, n := range names {
			if strings.HasSuffix(n, ".conf") {
				files[n] = d + "/logrotate.timer.d/" + n
			}
		}
	}
	var out []string
	for _, key := range slices.Sorted(maps.Keys(files)) {
		b, err := v.Files.ReadFile(files[key])
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			if when, ok := strings.CutPrefix(strings.TrimSpace(line), "OnCalendar="); ok {
				if out = append(out, strings.TrimSpace(when)); out[len(out)-1] == "" {
					out = nil
				}
			}
		}
	}
	return out
}
