package server

import (
	"fmt"
	"strconv"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/resources/unit"
)

// How a service is kept up: at once, and however often it ends.
const (
	restartAfter = "100ms"
	noLimit      = "0"
	// The front says every second that it lives, and so does an engine as long as no step takes too long.
	watchdog = "10s"
	// What a front needs: its requests are small, and their number is bounded.
	frontMemory = "512M"
)

// socketUnit holds the port: who connects while the front is started again waits, and is answered.
func (s *Spec) socketUnit() *unit.Spec {
	return &unit.Spec{
		Label: "socket", Name: s.Label + ".socket", Enabled: yes(), State: "running",
		Unit:    description("The port of the language model %s", s.Name),
		Socket:  map[string]engine.List{"ListenStream": {s.Listen}, "NoDelay": {"true"}, "KeepAlive": {"true"}, "FreeBind": {"true"}, "Backlog": {"4096"}},
		Install: map[string]engine.List{"WantedBy": {"sockets.target"}},
	}
}

func (s *Spec) engineSocketUnit(instance string) *unit.Spec {
	return &unit.Spec{
		Label: "engine_socket_" + instance, Name: s.engineName(instance) + ".socket", Enabled: yes(), State: "running",
		Unit: description("Where the front of %s reaches its engine", s.Name),
		Socket: map[string]engine.List{
			"ListenStream": {s.engineSocket(instance)}, "SocketUser": {s.account()}, "SocketMode": {"0600"}, "RemoveOnStop": {"true"},
		},
		Install: map[string]engine.List{"WantedBy": {"sockets.target"}},
	}
}

// frontUnit answers at the socket. Nothing that the boot waits for comes after it: a large model, or one that is missing,
// must not keep the machine from coming up.
func (s *Spec) frontUnit() *unit.Spec {
	sockets := engine.List{s.Label + ".socket"}
	for _, i := range instances {
		sockets = append(sockets, s.engineName(i)+".socket")
	}
	service := confined()
	add(service, map[string]engine.List{
		"Type": {"notify"}, "NotifyAccess": {"main"},
		"ExecStart":  {s.Command + " serve --config " + s.ConfigPath()},
		"ExecReload": {"/bin/kill -HUP $MAINPID"},
		"User":       {s.account()},
		"Sockets":    {s.Label + ".socket"},
		"Restart":    {"always"}, "RestartSec": {restartAfter},
		"WatchdogSec": {watchdog}, "TimeoutStopSec": {strconv.Itoa(s.Drain + 15)},
		"RuntimeDirectory": {s.Label + "-front"}, "RuntimeDirectoryPreserve": {"true"},
		"MemoryMax": {frontMemory},
	})
	if s.KeysFile != "" {
		service["LoadCredential"] = engine.List{credential + ":" + s.KeysFile}
	}
	s.environment(service)
	about := description("The server of the language model %s", s.Name)
	add(about, map[string]engine.List{
		"DefaultDependencies": {"false"}, "Conflicts": {"shutdown.target"}, "Before": {"shutdown.target"},
		"Wants": sockets, "After": append(engine.List{"sysinit.target", "basic.target"}, sockets...),
		"StartLimitIntervalSec": {noLimit},
	})
	return &unit.Spec{
		Label: "front", Name: s.Label + ".service", Enabled: yes(), Unit: about, Service: service,
		Install: map[string]engine.List{"WantedBy": {"multi-user.target"}},
	}
}

// engineUnit computes. The front's connection starts it; one that the front ended stays so.
func (s *Spec) engineUnit(instance string) *unit.Spec {
	service := confined()
	if s.Backends != "" {
		opened(service)
	}
	add(service, map[string]engine.List{
		"Type": {"notify"}, "NotifyAccess": {"main"},
		"ExecStart": {s.Command + " engine --config " + s.ConfigPath()},
		"User":      {s.engineUser()},
		"Restart":   {"on-failure"}, "RestartSec": {restartAfter},
		// A stopped process is no better for being told to dump its core.
		"WatchdogSec": {watchdog}, "WatchdogSignal": {"SIGKILL"},
		"MemoryMax": {s.MemoryMax}, "CPUQuota": {s.CPUQuota}, "TasksMax": {"512"},
	})
	if s.Backends != "" { // where it remembers which of them work
		add(service, map[string]engine.List{"RuntimeDirectory": {s.engineName(instance)}, "RuntimeDirectoryPreserve": {"true"}})
	}
	if s.Mlock {
		service["LimitMEMLOCK"] = engine.List{"infinity"}
	}
	s.environment(service)
	about := description("The engine of the language model %s", s.Name)
	about["StartLimitIntervalSec"] = engine.List{noLimit}
	return &unit.Spec{Label: "engine_" + instance, Name: s.engineName(instance) + ".service", Unit: about, Service: service}
}

func (s *Spec) environment(service map[string]engine.List) {
	if s.Environment != "" {
		service["EnvironmentFile"] = engine.List{s.Environment}
	}
}

func description(format string, args ...any) map[string]engine.List {
	return map[string]engine.List{"Description": {fmt.Sprintf(format, args...)}}
}

func add(to, from map[string]engine.List) {
	for name, values := range from {
		to[name] = values
	}
}

func yes() *bool {
	on := true
	return &on
}
