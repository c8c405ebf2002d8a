package host

import (
	"context"
	"encoding/hex"
	"errors"
	"path/filepath"
	"strings"
	"time"

	systemdbus "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

// The names of systemd's D-Bus interface (org.freedesktop.systemd1(5)).
const (
	systemdName    = "org.freedesktop.systemd1"
	systemdManager = systemdName + ".Manager"
	systemdPath    = dbus.ObjectPath("/org/freedesktop/systemd1")
	getAll         = "org.freedesktop.DBus.Properties.GetAll"
)

// Unit reads a unit with one question.
func (s *systemd) Unit(ctx context.Context, name string) (st UnitState, err error) {
	err = s.read(ctx, func(ctx context.Context, c *systemdConn) (err error) {
		st, err = c.unit(ctx, name)
		return err
	})
	return st, err
}

// unit asks for all properties of all interfaces at once: a unit that is not in memory is loaded for every
// question, and each load costs systemd more the more units it has.
func (c *systemdConn) unit(ctx context.Context, name string) (UnitState, error) {
	if template(name) {
		return c.template(ctx, name)
	}
	var p properties
	if err := c.call(ctx, unitPath(name), getAll, "").Store(&p); err != nil {
		return UnitState{}, err
	}
	return stateOf(p), nil
}

// unitPath is a unit's object. systemd loads the unit when it is asked about it.
func unitPath(name string) dbus.ObjectPath {
	return systemdPath + "/unit/" + dbus.ObjectPath(systemdbus.PathBusEscape(name))
}

// template describes what cannot be loaded, as it is a unit only with an instance.
func (c *systemdConn) template(ctx context.Context, name string) (UnitState, error) {
	st := UnitState{Name: name, Load: "loaded", Active: "inactive", Sub: "dead"}
	file, err := c.fileState(ctx, name)
	switch file {
	case "":
		st.Load, st.LoadError = "not-found", "Unit "+name+" not found."
	case "masked", "masked-runtime":
		st.Load, st.LoadError = "masked", "Unit "+name+" is masked."
	case "bad":
		st.Load = "bad-setting"
	}
	return st, err
}

// template reports whether a name is that of a template: it has an "@" with no instance after it.
func template(name string) bool {
	return strings.HasSuffix(strings.TrimSuffix(name, filepath.Ext(name)), "@")
}

// FileState asks systemd, which looks at all unit files.
func (s *systemd) FileState(ctx context.Context, name string) (state string, err error) {
	err = s.read(ctx, func(ctx context.Context, c *systemdConn) (err error) {
		state, err = c.fileState(ctx, name)
		return err
	})
	return state, err
}

// fileState is what GetUnitFileState says. The property UnitFileState is not asked: systemd
// remembers it, and does not notice links that others make.
func (c *systemdConn) fileState(ctx context.Context, name string) (state string, err error) {
	err = c.call(ctx, systemdPath, systemdManager+".GetUnitFileState", name).Store(&state)
	answer, ok := errors.AsType[dbus.Error](err)
	switch {
	case !ok:
		return state, err
	case answer.Name == "org.freedesktop.DBus.Error.FileNotFound":
		return "", nil
	case badFile(answer.Name):
		return "bad", nil
	}
	return state, err
}

// badFile reports whether an error of D-Bus is of a file that systemd does not take: one that it cannot
// parse (EBADMSG), that says what cannot be (EINVAL), or that is a directory, a link that goes round in a
// circle or leads to what has another type of name (EISDIR, ELOOP, EXDEV and others, of which sd-bus keeps
// the names: sd-bus-errors(3)). What is wrong with the connection has other names.
func badFile(name string) bool {
	return name == "org.freedesktop.DBus.Error.InconsistentMessage" || name == "org.freedesktop.DBus.Error.InvalidArgs" ||
		strings.HasPrefix(name, "System.Error.")
}

// UnitOf returns the unit that a process runs in.
func (s *systemd) UnitOf(ctx context.Context, pid int) (name string, err error) {
	err = s.read(ctx, func(ctx context.Context, c *systemdConn) error {
		var path dbus.ObjectPath
		err := c.call(ctx, systemdPath, systemdManager+".GetUnitByPID", uint32(pid)).Store(&path)
		if answer, ok := errors.AsType[dbus.Error](err); ok && answer.Name == systemdName+".NoUnitForPID" {
			name = ""
			return nil
		}
		if err != nil {
			return err
		}
		v, err := c.raw[0].Object(systemdName, path).GetProperty(systemdName + ".Unit.Id")
		if err != nil {
			return err
		}
		return v.Store(&name)
	})
	return name, err
}

// ask sends a question whose answer is waited for later, call one that is waited for now.
func (c *systemdConn) ask(ctx context.Context, path dbus.ObjectPath, method string, args ...any) *dbus.Call {
	return c.raw[0].Object(systemdName, path).GoWithContext(ctx, method, 0, make(chan *dbus.Call, 1), args...)
}

func (c *systemdConn) call(ctx context.Context, path dbus.ObjectPath, method string, args ...any) *dbus.Call {
	return <-c.ask(ctx, path, method, args...).Done
}

// properties are those of a unit. What a version of systemd does not have reads as zero.
type properties map[string]dbus.Variant

func get[T any](p properties, name string) (v T) {
	v, _ = p[name].Value().(T)
	return v
}

func stateOf(p properties) UnitState {
	return UnitState{
		Name: get[string](p, "Id"),
		Load: get[string](p, "LoadState"), LoadError: loadError(p),
		Active: get[string](p, "ActiveState"), Sub: get[string](p, "SubState"),
		Fragment: fragment(p), DropIns: get[[]string](p, "DropInPaths"),
		NeedReload:  get[bool](p, "NeedDaemonReload"),
		Invocation:  hex.EncodeToString(get[[]byte](p, "InvocationID")),
		ActiveEnter: time.Duration(get[uint64](p, "ActiveEnterTimestampMonotonic")) * time.Microsecond,
		ConditionFailed: get[uint64](p, "ConditionTimestampMonotonic") != 0 &&
			!get[bool](p, "ConditionResult"),
		Job:      jobOf(p) != 0,
		CanStart: get[bool](p, "CanStart"), CanStop: get[bool](p, "CanStop"), CanReload: get[bool](p, "CanReload"),
		TriggeredBy: get[[]string](p, "TriggeredBy"),
		Result:      get[string](p, "Result"), Type: get[string](p, "Type"),
		RemainAfterExit: get[bool](p, "RemainAfterExit"), StatusText: get[string](p, "StatusText"),
		ExitStatus: int(get[int32](p, "ExecMainStatus")), Restarts: int(get[uint32](p, "NRestarts")),
	}
}

// fragment is the path of a unit's file. A unit made by a generator of old says where it comes from.
func fragment(p properties) string {
	if name := get[string](p, "FragmentPath"); name != "" {
		return name
	}
	return get[string](p, "SourcePath")
}

// jobOf is the number of the unit's job, 0 for none.
func jobOf(p properties) uint32 {
	if pair := get[[]any](p, "Job"); len(pair) > 0 {
		id, _ := pair[0].(uint32)
		return id
	}
	return 0
}

// loadError is systemd's text of why a unit is not loaded.
func loadError(p properties) string {
	pair := get[[]any](p, "LoadError")
	if len(pair) < 2 {
		return ""
	}
	text, _ := pair[1].(string)
	return text
}
