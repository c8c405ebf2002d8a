package firewalld_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

const (
	name   = "org.fedoraproject.FirewallD1"
	main   = "/org/fedoraproject/FirewallD1"
	config = main + "/config"
)

// step is one call that both daemons get, or a reload of both.
type step struct {
	reload bool
	call   host.BusCall
	// persistentOf is the zone whose configuration is called, at the path that the daemon says.
	persistentOf string
}

func (s step) String() string { return fmt.Sprintf("%s%v", s.call.Method, s.call.Args) }

func now(method string, args ...any) step {
	return step{call: host.BusCall{Name: name, Path: main, Method: name + ".zone." + method, Args: args}}
}

func later(zone, method string, args ...any) step {
	return step{persistentOf: zone, call: host.BusCall{Name: name, Method: name + ".config.zone." + method, Args: args}}
}

// parity is a life of ports and rich rules, in both states.
func parity() []step {
	steps := []step{
		{call: host.BusCall{Name: name, Path: main, Method: name + ".getDefaultZone"}},
		now("getZones"), now("getActiveZones"),
		{call: host.BusCall{Name: name, Path: config, Method: name + ".config.getZoneNames"}},
		{call: host.BusCall{Name: name, Path: config, Method: name + ".config.getZoneByName", Args: []any{"nowhere"}}},
		{call: host.BusCall{Name: name, Path: main, Method: "org.freedesktop.DBus.Properties.Get", Args: []any{name, "state"}}},
		now("getPorts", "nowhere"), now("getRichRules", "nowhere"), now("addPort", "nowhere", "8000", "tcp", int32(0)),
	}
	ports := []string{
		"+8005", "+8005", "+8000-8010", "+8007", "+8011", "-8020", "-8005", "+8003-8006", "-8011-8012", "-7990-8001",
		"+7000-9000", "-7000", "-9000", "-8000", "+65535", "-65535", "+1-65535", "-1-10", "-11-65535", "+8000-8000",
	}
	rules := []string{
		`rule port port="9000-9010" protocol="tcp" accept`,
		`rule family="ipv4" source address="10.0.0.1/32" port port="8000" protocol="tcp" accept`,
		`rule family="ipv4" source address="10.0.0.1" port port="8000" protocol="tcp" accept limit value="10/minute"`,
		`rule family="ipv4" source address="10.0.0.1" port port="8000" protocol="tcp" accept limit value="10/m"`,
		`rule family="ipv6" source address="2001:db8::/32" port port="8000" protocol="udp" accept limit value="10/hour"`,
		`rule port port="8000" protocol="tcp" accept limit value="1/day"`,
		`rule family="ipv4" port port="8000" protocol="sctp" accept`,
		`rule source address="10.0.0.0/8" port port="8000" protocol="tcp" accept`,
	}
	for _, p := range ports {
		for _, protocol := range []string{"tcp", "udp"} {
			if p[0] == '+' {
				steps = append(steps, now("addPort", "public", p[1:], protocol, int32(0)), later("public", "addPort", p[1:], protocol))
			} else {
				steps = append(steps, now("removePort", "public", p[1:], protocol), later("public", "removePort", p[1:], protocol))
			}
			steps = append(steps, now("getPorts", "public"), later("public", "getPorts"))
		}
	}
	for _, add := range []bool{true, true, false} {
		for _, r := range rules {
			if add {
				steps = append(steps, now("addRichRule", "work", r, int32(0)), later("work", "addRichRule", r))
			} else {
				steps = append(steps, later("work", "removeRichRule", r))
			}
			steps = append(steps, now("getRichRules", "work"), later("work", "getRichRules"))
		}
	}
	return append(steps, now("addPort", "work", "7777", "tcp", int32(0)), step{reload: true},
		now("getPorts", "work"), now("getRichRules", "work"), now("getPorts", "public"), now("removeRichRule", "work", rules[0]))
}

// ask asks the real daemon.
func (h *inside) ask(c host.BusCall) ([]any, error) {
	h.t.Helper()
	method := strings.ToLower(c.Method[strings.LastIndexByte(c.Method, '.')+1:])
	if strings.HasPrefix(method, "get") {
		return h.View().Bus.Get(h.t.Context(), c)
	}
	return h.Bus.Call(h.t.Context(), method, c)
}

// askZone asks the object that a zone's configuration is.
func (h *inside) askZone(s step) ([]any, error) {
	h.t.Helper()
	at, err := h.ask(host.BusCall{Name: name, Path: config, Method: name + ".config.getZoneByName", Args: []any{s.persistentOf}})
	if err != nil {
		return nil, err
	}
	s.call.Path = string(at[0].(dbus.ObjectPath))
	return h.ask(s.call)
}

// inOrder is an answer with its lists in order, which a real firewalld does not always tell in one.
func inOrder(answer []any) []string {
	var out []string
	for _, a := range answer {
		switch a := a.(type) {
		case []string:
			out = append(out, slices.Sorted(slices.Values(a))...)
		case [][]string:
			for _, x := range a {
				out = append(out, "list "+fmt.Sprint(x))
			}
			slices.Sort(out)
		case [][]any:
			for _, x := range a {
				out = append(out, "struct "+fmt.Sprint(x))
			}
			slices.Sort(out)
		default:
			out = append(out, fmt.Sprintf("%T %v", a, a))
		}
	}
	return out
}

// said is an error's name and text, "" for none.
func said(err error) string {
	var e dbus.Error
	if errors.As(err, &e) {
		return fmt.Sprint(e.Name, " ", e.Body)
	}
	if err != nil {
		return err.Error()
	}
	return ""
}
