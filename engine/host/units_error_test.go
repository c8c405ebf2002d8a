package host_test

import (
	"errors"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

func TestJobErrorText(t *testing.T) {
	failed := func(result string, status int) host.UnitState {
		return host.UnitState{Load: "loaded", Active: "failed", Sub: "failed", Result: result, ExitStatus: status, Type: "notify"}
	}
	for _, c := range []struct {
		err  host.JobError
		want string
	}{
		{
			host.JobError{Result: "failed", State: failed("exit-code", 3), Log: []string{"cannot open x", "bye"}},
			"cannot start x.service: its main process exited with status 3; it is failed (failed)\n  cannot open x\n  bye",
		},
		{
			host.JobError{Result: "failed", State: failed("exit-code", 217)},
			"cannot start x.service: its main process exited with status 217 (USER: its user cannot be had); it is failed (failed)",
		},
		{
			host.JobError{Result: "failed", State: failed("exit-code", 0)},
			"cannot start x.service: one of its commands failed; it is failed (failed)",
		},
		{
			host.JobError{Result: "failed", State: failed("signal", 9)},
			"cannot start x.service: its main process was killed by signal 9; it is failed (failed)",
		},
		{
			host.JobError{Result: "failed", State: failed("timeout", 0)},
			"cannot start x.service: it took longer than the unit allows (TimeoutStartSec=, TimeoutStopSec=): it did not say " +
				"that it is ready (Type=notify: it must send READY=1); it is failed (failed)",
		},
		{
			host.JobError{Result: "failed", State: failed("start-limit-hit", 0)},
			"cannot start x.service: start limit hit: it was started too often in too short a time " +
				"(StartLimitBurst=, StartLimitIntervalSec=); it is failed (failed)",
		},
		{
			host.JobError{Result: "still activating after 30s", State: host.UnitState{Active: "activating", Sub: "start", Type: "notify"}},
			"cannot start x.service: it is still activating after 30s: it did not say that it is ready " +
				"(Type=notify: it must send READY=1)",
		},
		{
			host.JobError{Result: "still deactivating after 30s", State: host.UnitState{Active: "deactivating"}},
			"cannot start x.service: it is still deactivating after 30s",
		},
		{
			host.JobError{Result: "unanswered after 30s"},
			"cannot start x.service: systemd did not finish it: unanswered after 30s",
		},
		{
			host.JobError{Result: "dependency", Needs: []string{"a.service", "b.mount"}, State: host.UnitState{Active: "inactive", Sub: "dead"}},
			"cannot start x.service: what it requires did not start: a.service, b.mount; it is inactive (dead)",
		},
		{
			host.JobError{Result: "refused", Err: errors.New("Unit x.service is masked."), State: host.UnitState{
				Load: "masked", LoadError: "Unit x.service is masked.", Active: "inactive", Sub: "dead",
			}},
			"cannot start x.service: Unit x.service is masked; it is inactive (dead)",
		},
		{
			host.JobError{Result: "lost", Err: errors.New("EOF")},
			"cannot start x.service: the connection to systemd broke meanwhile, and how it ended is not known (EOF)",
		},
		{host.JobError{Result: "once"}, "cannot start x.service: the job ended as once"},
	} {
		c.err.Verb, c.err.Unit = host.StartUnit, "x.service"
		if got := c.err.Error(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
