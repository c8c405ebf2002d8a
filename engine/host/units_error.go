package host

import (
	"fmt"
	"strings"
)

// JobError is a job of a unit that did not do what it was to.
type JobError struct {
	Verb UnitVerb
	Unit string
	// Result is how the job ended, in systemd's words (failed, timeout, canceled, dependency, assert,
	// unsupported and so on), "refused" where systemd made none, "lost" where its end was not seen,
	// or how long it was waited for ("still activating after 30s").
	Result string
	// State is the unit's afterwards; Log are the last lines that it wrote.
	State UnitState
	Log   []string
	// Needs are the units whose lack is why the job ended as "dependency".
	Needs []string
	// Err is why systemd refused the job, or how the connection to it broke.
	Err error
}

// Unwrap returns Err.
func (e *JobError) Unwrap() error { return e.Err }

func (e *JobError) Error() string {
	text := fmt.Sprintf("cannot %s %s: %s", e.Verb, e.Unit, e.how())
	if e.State.Load != "" && e.State.Load != "loaded" && e.State.LoadError != "" && e.Result != "refused" {
		text += "; " + strings.TrimSuffix(e.State.LoadError, ".")
	}
	if e.State.Active != "" && !strings.HasPrefix(e.Result, "still") {
		text += fmt.Sprintf("; it is %s (%s)", e.State.Active, e.State.Sub)
	}
	for _, line := range e.Log {
		text += "\n  " + line
	}
	return text
}

// how says in words how the job ended.
func (e *JobError) how() string {
	switch e.Result {
	case "failed":
		return e.failed()
	case "timeout":
		return "its job took longer than the unit allows (JobTimeoutSec=)"
	case "canceled":
		return "another job for it took this one's place"
	case "dependency":
		if len(e.Needs) == 0 {
			return "a unit that it requires did not start"
		}
		return "what it requires did not start: " + strings.Join(e.Needs, ", ")
	case "assert":
		return "an Assert of the unit does not hold"
	case "unsupported":
		return "this system has no units of this type"
	case "invalid":
		return "it is not running, so it cannot be reloaded"
	case "refused":
		return strings.TrimSuffix(e.Err.Error(), ".")
	case "lost":
		text := "the connection to systemd broke meanwhile, and how it ended is not known"
		if e.Err != nil {
			text += " (" + e.Err.Error() + ")"
		}
		return text
	}
	switch {
	case strings.HasPrefix(e.Result, "still activating"):
		return "it is " + e.Result + e.unready()
	case strings.HasPrefix(e.Result, "still"):
		return "it is " + e.Result
	case strings.Contains(e.Result, " after "):
		return "systemd did not finish it: " + e.Result
	}
	return "the job ended as " + e.Result
}

// unready says what a service of a type that is still activating is waited for.
func (e *JobError) unready() string {
	switch kind := e.State.Type; kind {
	case "notify", "notify-reload":
		if e.State.StatusText != "" {
			return ": it says of itself: " + e.State.StatusText
		}
		return ": it did not say that it is ready (Type=" + kind + ": it must send READY=1)"
	case "forking":
		return ": its first process has not ended (Type=forking: it must, once the service is up)"
	case "dbus":
		return ": it has not taken its name on the bus (Type=dbus, BusName=)"
	case "oneshot":
		return ": its commands have not ended (Type=oneshot)"
	}
	return ""
}

// failed says how the unit failed, as far as its state tells.
func (e *JobError) failed() string {
	if e.Verb == ReloadUnit {
		return "its reload command failed"
	}
	st := e.State
	switch st.Result {
	case "exit-code":
		if st.ExitStatus == 0 {
			return "one of its commands failed"
		}
		return fmt.Sprintf("its main process exited with status %d%s", st.ExitStatus, meaning(st.ExitStatus))
	case "signal":
		return fmt.Sprintf("its main process was killed by signal %d", st.ExitStatus)
	case "core-dump":
		return fmt.Sprintf("its main process crashed with signal %d", st.ExitStatus)
	case "timeout":
		return "it took longer than the unit allows (TimeoutStartSec=, TimeoutStopSec=)" + e.unready()
	case "watchdog":
		return "it did not report to its watchdog in time (WatchdogSec=)"
	case "start-limit-hit":
		return "start limit hit: it was started too often in too short a time (StartLimitBurst=, StartLimitIntervalSec=)"
	case "oom-kill":
		return "it was killed for lack of memory"
	case "protocol":
		return "it ended before it was ready (Type=" + st.Type + ")"
	case "resources":
		return "systemd could not set up what it needs, such as a file of EnvironmentFile="
	case "", "success":
		return "it failed"
	}
	return "it failed with result " + st.Result
}

// meaning explains the exit statuses with which systemd says that a service never got to run its
// program (systemd.exec(5)).
func meaning(status int) string {
	what := map[int]string{
		200: "CHDIR: its working directory cannot be entered",
		203: "EXEC: its program cannot be run",
		209: "STDOUT: its output cannot be set up",
		214: "SETSCHEDULER: its scheduling cannot be set",
		216: "GROUP: its group cannot be had",
		217: "USER: its user cannot be had",
		218: "CAPABILITIES: its capabilities cannot be set",
		226: "NAMESPACE: its view of the file system cannot be set up",
		228: "SECCOMP: its system call filter cannot be set",
		233: "RUNTIME_DIRECTORY: its runtime directory cannot be made",
		238: "STATE_DIRECTORY: its state directory cannot be made",
		239: "CACHE_DIRECTORY: its cache directory cannot be made",
		240: "LOGS_DIRECTORY: its log directory cannot be made",
		241: "CONFIGURATION_DIRECTORY: its configuration directory cannot be made",
		243: "CREDENTIALS: its credentials cannot be had",
	}[status]
	if what == "" {
		return ""
	}
	return " (" + what + ")"
}
