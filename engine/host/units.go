package host

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// UnitState is one unit as the service manager has it. Words are systemd's own.
type UnitState struct {
	// Name is the unit's primary name (Id): for an alias, that of the unit it stands for.
	Name string
	// Load is loaded, not-found, masked, bad-setting, error or merged; LoadError says why not loaded.
	Load, LoadError string
	// Active is active, reloading, inactive, failed, activating, deactivating, maintenance or
	// refreshing; Sub is finer and depends on the type of unit.
	Active, Sub string
	// Fragment is the path of the unit file, DropIns those of what extends it.
	Fragment string
	DropIns  []string
	// NeedReload says that the files are newer than what the manager has loaded.
	NeedReload bool
	// Invocation identifies the present start, in hex; it is empty for what never ran.
	Invocation string
	// ActiveEnter is when the unit last became active in this boot (CLOCK_MONOTONIC), 0 for never.
	ActiveEnter time.Duration
	// ConditionFailed says that the last start was left undone, without that being a failure, because
	// a Condition of the unit did not hold.
	ConditionFailed bool
	// Job says that a job is queued or running.
	Job bool
	// CanStart, CanStop and CanReload say what the unit allows to be asked for.
	CanStart, CanStop, CanReload bool
	// TriggeredBy are the sockets, timers and paths that start it.
	TriggeredBy []string
	// Result says how a service, socket or the like last ended: success, exit-code, timeout,
	// start-limit-hit and so on.
	Result string
	// Type is a service's Type, RemainAfterExit its setting: a oneshot without it is never active.
	Type            string
	RemainAfterExit bool
	// StatusText is what the service says of itself, ExitStatus how its main process last ended: its
	// exit status, or the number of the signal that ended it where Result says so.
	StatusText string
	ExitStatus int
	// Restarts counts automatic restarts.
	Restarts int
	// Brief says that this is no more than a glance at a unit at rest: Name, Load, Active, Sub, Fragment,
	// DropIns and NeedReload. Fresh says that systemd did not have even that in memory, and read the files for
	// it: nothing of the unit can be older than they are, and Fragment, DropIns and NeedReload are not told.
	Brief, Fresh bool
}

// UnitVerb is what a service manager can be told, in systemctl's words.
type UnitVerb string

// The verbs.
const (
	DaemonReload UnitVerb = "daemon-reload" // read all unit files again; names no unit
	ResetFailed  UnitVerb = "reset-failed"  // no error for a unit that is not loaded: nothing of it failed
	StartUnit    UnitVerb = "start"
	StopUnit     UnitVerb = "stop"
	RestartUnit  UnitVerb = "restart"
	ReloadUnit   UnitVerb = "reload"
)

// ServiceManager is systemd, or what plays it in a test.
type ServiceManager interface {
	// Unit loads a unit and returns its state. A unit that does not exist has the Load
	// "not-found" and is no error.
	Unit(ctx context.Context, name string) (UnitState, error)
	// UnitOf returns the name of the unit that a process runs in, "" for none.
	UnitOf(ctx context.Context, pid int) (string, error)
	// Do tells the manager and waits until its job has ended, or ctx. A job that ends otherwise than
	// "done" or "skipped", that is refused or that ctx did not wait for is a *JobError; what is
	// under way at the end of ctx goes on.
	Do(ctx context.Context, verb UnitVerb, name string) error
	Close() error
}

// Units reads the service manager. It is all that planning has of it.
type Units struct {
	m       *UnitManager
	glances *glances // nil but in a pass of reading
}

// Running reports whether there is a service manager to ask: not in an image, and not where
// systemd does not run.
func (u Units) Running() bool { return u.m.running }

// State returns a unit's state.
func (u Units) State(ctx context.Context, name string) (UnitState, error) {
	s, err := u.m.connect(ctx)
	if err != nil {
		return UnitState{}, err
	}
	st, err := s.Unit(ctx, name)
	return st, reading(name, err)
}

// reading says of an error which unit could not be read.
func reading(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cannot read the state of %s: %w", name, err)
}

// Self returns the unit that this process runs in, "" for none.
func (u Units) Self(ctx context.Context) (string, error) {
	s, err := u.m.connect(ctx)
	if err != nil {
		return "", err
	}
	return s.UnitOf(ctx, os.Getpid())
}

// Do tells the service manager to do something to a unit, and waits until it is done. What goes
// wrong with the unit is a *JobError.
func (m *UnitManager) Do(ctx context.Context, verb UnitVerb, name string) error {
	s, err := m.connect(ctx)
	if err != nil {
		return err
	}
	start, told := time.Now(), false
	err = m.gate.do("dbus", m.told(verb, name), func() error {
		told = true
		return s.Do(ctx, verb, name)
	})
	if !told {
		return fmt.Errorf("cannot %s: %w", m.told(verb, name), err)
	}
	if m.ran != nil {
		m.ran(m.call(verb, name, time.Since(start), err))
	}
	return err
}

// UnitManager is the one door to the service manager for whoever changes things.
type UnitManager struct {
	running bool
	gate    gate
	ran     func(Call)

	queries Queries

	mu   sync.Mutex
	conn ServiceManager
}

// connect returns the connection to the service manager, which is made when it is first needed.
func (m *UnitManager) connect(ctx context.Context) (ServiceManager, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conn != nil {
		return m.conn, nil
	}
	if !m.running {
		return nil, &OfflineError{"systemd"}
	}
	conn, err := dialSystemd(ctx, m.queries)
	if err != nil {
		return nil, fmt.Errorf("cannot reach systemd: %w", err)
	}
	m.conn = conn
	return conn, nil
}

func (m *UnitManager) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conn == nil {
		return nil
	}
	err := m.conn.Close()
	m.conn = nil
	return err
}

// told names what the manager is told, for the watcher.
func (m *UnitManager) told(verb UnitVerb, name string) string {
	if name == "" {
		return string(verb)
	}
	return string(verb) + " " + name
}

// call is the journal's line about what the manager was told. Of what went wrong it has the first
// line: those after it are the service's own, and may say what no journal should keep.
func (m *UnitManager) call(verb UnitVerb, name string, took time.Duration, err error) Call {
	c := Call{Argv: []string{"systemd", string(verb)}, Took: took}
	if name != "" {
		c.Argv = append(c.Argv, name)
	}
	if err != nil {
		c.Exit = 1
		c.Output, _, _ = strings.Cut(err.Error(), "\n")
	}
	return c
}
