package firewalld

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/godbus/dbus/v5"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/unitfile"
)

// Names of firewalld's D-Bus interface: firewalld.dbus(5), firewall/config/dbus.py.
const (
	busName        = "org.fedoraproject.FirewallD1"
	mainPath       = "/org/fedoraproject/FirewallD1"
	configPath     = mainPath + "/config"
	zoneIface      = busName + ".zone"
	configIface    = busName + ".config"
	configZone     = busName + ".config.zone"
	unit           = "firewalld.service"
	properties     = "org.freedesktop.DBus.Properties"
	noOwner        = "org.freedesktop.DBus.Error.NameHasNoOwner"
	unknownService = "org.freedesktop.DBus.Error.ServiceUnknown"
	noReply        = "org.freedesktop.DBus.Error.NoReply"
	disconnected   = "org.freedesktop.DBus.Error.Disconnected"
)

// The first words of firewalld's errors: firewall/errors.py.
const (
	alreadyEnabled = "ALREADY_ENABLED"
	notEnabled     = "NOT_ENABLED"
	invalidZone    = "INVALID_ZONE"
	panicMode      = "PANIC_MODE"
	accessDenied   = "ACCESS_DENIED"
	failedState    = "RUNNING_BUT_FAILED"
	commandFailed  = "COMMAND_FAILED"
)

// daemon is a firewalld that runs.
type daemon struct {
	bus host.BusQueries
	// name is that of its connection, which starts nobody when it is gone, as a call of the service's name might.
	name string
}

// dial finds the daemon. Where there is none, the error says how there comes to be one.
func dial(ctx context.Context, v host.View) (*daemon, error) {
	out, err := v.Bus.Get(ctx, busCall("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.GetNameOwner", busName))
	if err == nil {
		name, err := one[string](out)
		return &daemon{v.Bus, name}, err
	}
	if !isNamed(err, noOwner) && !noBus(err) {
		return nil, fmt.Errorf("cannot ask for firewalld: %w", explain(err))
	}
	state, err := unitfile.State(v.Files, unit)
	switch {
	case err != nil:
		return nil, err
	case state == "enabled":
		return nil, errors.New("firewalld is enabled but does not run: systemctl start firewalld, and look at " +
			"journalctl -u firewalld.service if it does not stay")
	case strings.HasPrefix(state, "masked"):
		return nil, errors.New("firewalld does not run, and firewalld.service is masked: name another backend, or " +
			"unmask and start it")
	}
	return nil, errors.New("firewalld does not run: name another backend, or systemctl enable --now firewalld")
}

func busCall(name, path, method string, args ...any) host.BusCall {
	return host.BusCall{Name: name, Path: path, Method: method, Args: args}
}

// noBus reports whether there is no message bus to ask.
func noBus(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// get asks the daemon and returns the one value of its answer.
func get[T any](ctx context.Context, d *daemon, path, method string, args ...any) (T, error) {
	out, err := d.bus.Get(ctx, busCall(d.name, path, method, args...))
	if err != nil {
		var zero T
		return zero, fmt.Errorf("cannot ask firewalld (%s): %w", method[strings.LastIndexByte(method, '.')+1:], explain(err))
	}
	return one[T](out)
}

func one[T any](out []any) (T, error) {
	var value T
	if err := dbus.Store(out, &value); err != nil {
		return value, fmt.Errorf("cannot read firewalld's answer: %w", err)
	}
	return value, nil
}

// healthy fails where the daemon could not load its configuration: it then runs, and tells, the stock one, whatever
// its files say.
func (d *daemon) healthy(ctx context.Context) error {
	state, err := get[dbus.Variant](ctx, d, mainPath, properties+".Get", busName, "state")
	if err != nil {
		return err
	}
	if state.Value() == "FAILED" {
		return errors.New("firewalld has failed to load its configuration, and runs the stock one: see " +
			"firewall-offline-cmd --check-config, put that right, and systemctl restart firewalld")
	}
	return nil
}

// running are what a zone has now.
func (d *daemon) running(ctx context.Context, zone string) (settings, error) {
	pairs, err := get[[][]string](ctx, d, mainPath, zoneIface+".getPorts", zone)
	if err != nil {
		return settings{}, err
	}
	rules, err := get[[]string](ctx, d, mainPath, zoneIface+".getRichRules", zone)
	if err != nil {
		return settings{}, err
	}
	s := settings{rules: rules}
	for _, p := range pairs {
		if len(p) == 2 {
			s.addPort(p[0], p[1])
		}
	}
	return s, nil
}

// persistent are what a zone has after a reload, and the object that has it. That has another path whenever firewalld
// started again, so it is asked for each time.
func (d *daemon) persistent(ctx context.Context, zone string) (at dbus.ObjectPath, s settings, err error) {
	if at, err = get[dbus.ObjectPath](ctx, d, configPath, configIface+".getZoneByName", zone); err != nil {
		return at, s, err
	}
	pairs, err := get[[]struct{ Port, Protocol string }](ctx, d, string(at), configZone+".getPorts")
	if err != nil {
		return at, s, err
	}
	if s.rules, err = get[[]string](ctx, d, string(at), configZone+".getRichRules"); err != nil {
		return at, s, err
	}
	for _, p := range pairs {
		s.addPort(p.Port, p.Protocol)
	}
	return at, s, nil
}

// decided reports whether a zone's target is another than to refuse what no line of it names.
func (d *daemon) decided(ctx context.Context, zone string) (bool, error) {
	all, err := get[map[string]dbus.Variant](ctx, d, mainPath, zoneIface+".getZoneSettings2", zone)
	if err != nil {
		return false, err
	}
	target, _ := all["target"].Value().(string)
	return decides(target), nil
}

// decides reports whether a target (firewalld.zone(5)) leaves nothing to the zones' lines. The two other spellings are
// that of files and that of older versions for the default, which is to reject.
func decides(target string) bool {
	return target != "" && target != "default" && target != "{chain}_{zone}"
}

// addPort notes a port that is spelled as a number or a range, as firewalld spells all that it has taken.
func (s *settings) addPort(spelled, protocol string) {
	if r, ok := parsePorts(spelled); ok {
		s.ports = append(s.ports, portEntry{r, protocol})
	}
}

// code is the first word of an error of firewalld's; "" of any other.
func code(err error) string {
	var e dbus.Error
	if !errors.As(err, &e) || len(e.Body) == 0 {
		return ""
	}
	text, _ := e.Body[0].(string)
	word, _, _ := strings.Cut(text, ":")
	return word
}

func isNamed(err error, names ...string) bool {
	var e dbus.Error
	if !errors.As(err, &e) {
		return false
	}
	for _, n := range names {
		if e.Name == n {
			return true
		}
	}
	return false
}

// explain says what to do about an error.
func explain(err error) error {
	var what string
	switch code(err) {
	case panicMode:
		what = "firewalld is in panic mode, in which it drops everything and takes no change: firewall-cmd --panic-off"
	case accessDenied:
		what = "firewalld is locked down: firewall-cmd --lockdown-off, or enter the agent in /etc/firewalld/lockdown-whitelist.xml"
	case failedState:
		what = "see firewall-offline-cmd --check-config, put that right, and systemctl restart firewalld"
	case commandFailed:
		what = "firewalld could not tell the kernel: see journalctl -u firewalld.service"
	}
	switch {
	case what != "":
	case isNamed(err, noOwner, unknownService, noReply, disconnected):
		what = "firewalld.service has ended: systemctl start firewalld, and run this again"
	case errors.Is(err, context.DeadlineExceeded):
		what = "firewalld does not answer: see systemctl status firewalld.service, and restart it"
	default:
		return err
	}
	return fmt.Errorf("%w: %s", err, what)
}
