package scenarios

// stateCase is a unit in a state of systemd, which make, a script, brings it into.
type stateCase struct {
	name, state, unit string
	files             map[string]string
	make, clean       string
	// want is what comes of enabled = true, enabled = false, state = "running" and state = "stopped".
	want [4]verdict
}

// verdict is what a plan and an apply of it make of a unit. The zero verdict: it is as wanted.
type verdict struct {
	// refused are words with which a plan refuses; the apply changes nothing then.
	refused string
	// change are words of the plan's change; then is the state after the apply, "" for as before.
	change, then string
	// fails are words with which the apply fails.
	fails string
}

var asWanted verdict

func refuses(words string) verdict { return verdict{refused: words} }

func becomes(state, change string) verdict { return verdict{change: change, then: state} }

const (
	vendor  = "/usr/lib/systemd/system/it.service"
	sleeps  = "[Service]\nExecStart=/bin/sleep infinity\n"
	wanted  = "[Install]\nWantedBy=multi-user.target\n"
	starts  = "stopped → running"
	stops   = "running → stopped"
	masking = "is masked, so that nothing starts it: add masked = false"
	nothing = "true"
)

// service is the case of a service that starts and does nothing, whose file lies where make finds it.
func service(state, at, text, make string, want ...verdict) stateCase {
	return stateCase{name: state, state: state, unit: "it.service", files: map[string]string{at: text}, make: make, want: [4]verdict(want)}
}

// fileStates are cases of every UnitFileState.
func fileStates() []stateCase {
	on, off := becomes("active", starts), asWanted
	alias := refuses("is another name of it.service: declare that")
	out := []stateCase{
		service("enabled", vendor, sleeps+wanted, "systemctl enable it.service", asWanted, becomes("disabled", "true → false"), on, off),
		service("enabled-runtime", vendor, sleeps+wanted, "systemctl enable --runtime it.service",
			becomes("enabled", "enabled-runtime → true"), becomes("disabled", "enabled-runtime → false"), on, off),
		service("linked", "/opt/it.service", sleeps+wanted, "systemctl link /opt/it.service", becomes("enabled", "linked → true"), asWanted, on, off),
		service("linked-runtime", "/opt/it.service", sleeps+wanted, "systemctl link --runtime /opt/it.service",
			becomes("enabled", "linked-runtime → true"), asWanted, on, off),
		service("masked", vendor, sleeps+wanted, "systemctl mask it.service", refuses(masking), asWanted, refuses(masking), asWanted),
		service("masked-runtime", vendor, sleeps+wanted, "systemctl mask --runtime it.service", refuses(masking), asWanted, refuses(masking), asWanted),
		service("static", vendor, sleeps, nothing, refuses("no [Install] section: nothing to enable"), asWanted, on, off),
		service("indirect", vendor, sleeps+"[Install]\nAlso=it.socket\n", nothing, refuses("is enabled by way of others"), asWanted, on, off),
		service("disabled", vendor, sleeps+wanted, nothing, becomes("enabled", "disabled → true"), asWanted, on, off),
		service("transient", "/opt/unused", "", "systemd-run --unit it.service sleep infinity",
			refuses("there is nothing to enable"), asWanted, asWanted, refuses("is no unit any more once it is stopped")),
		service("bad", vendor, "[Service\n", nothing, refuses("systemd cannot make use of the file"), asWanted, refuses("systemd cannot load"), asWanted),
	}
	also := stateCase{name: "alias", state: "alias", unit: "also.service", files: map[string]string{vendor: sleeps + "[Install]\nAlias=also.service\n"},
		make: "systemctl enable it.service", want: [4]verdict{alias, asWanted, alias, asWanted}}
	const dir = "/run/systemd/system-generators/it"
	made := refuses("is made at every boot from another file")
	gen := stateCase{name: "generated", state: "generated", unit: "it.service", make: nothing, want: [4]verdict{made, made, on, off},
		files: map[string]string{dir: "#!/bin/sh\nprintf '[Service]\\nExecStart=/bin/sleep infinity\\n' > $1/it.service\n"}}
	broken := service("enabled", vendor, "[Service]\nType=never\n"+wanted, "systemctl enable it.service",
		asWanted, becomes("disabled", "true → false"), refuses("systemd cannot load"), asWanted)
	broken.name = "enabled, and it cannot be loaded"
	return append(out, also, gen, broken)
}

// activeStates are cases of every ActiveState.
func activeStates() []stateCase {
	enables, off := becomes("enabled", "disabled → true"), asWanted
	const waits = `/bin/sh -c 'trap "exit 0" TERM; until test -e /run/go; do sleep 0.05; done'`
	unit := func(name, state, text, make string, running, stopped verdict) stateCase {
		c := service(state, vendor, text+wanted, make, enables, off, running, stopped)
		c.name = name
		return c
	}
	stop := becomes("inactive", stops)
	fails := verdict{change: "failed → running", then: "failed", fails: "exited with status 1"}
	notify := unit("activating", "activating", "[Service]\nType=notify\nExecStart=/bin/sleep infinity\n", "systemctl start --no-block it.service", asWanted, stop)
	again := unit("activating, again and again", "activating", "[Service]\nType=exec\nExecStart=/bin/false\nRestart=always\nRestartSec=1h\n",
		"systemctl start it.service || true", verdict{change: "failed → running", then: "activating", fails: "exited with status 1"}, becomes("inactive", "failed → stopped"))
	busy := refuses("is in maintenance (cleaning)")
	clean := unit("maintenance", "maintenance", sleeps+"CacheDirectory=it\n", `
systemctl start it.service
systemctl stop it.service
for n in 1 2 3 4 5 6 7 8 9; do
  mkdir -p /var/cache/it
  (cd /var/cache/it && seq 20000 | xargs touch)
  systemctl clean --what=cache it.service >/dev/null 2>&1 &
  while kill -0 $! 2>/dev/null; do
    if systemctl kill --kill-whom=control -s STOP it.service && [ "$(systemctl show -P ActiveState it.service)" = maintenance ]; then exit 0; fi
  done
done
exit 1`, busy, busy)
	clean.clean = "systemctl kill --kill-whom=control -s CONT it.service\nwhile [ \"$(systemctl show -P ActiveState it.service)\" = maintenance ]; do sleep 0.05; done"
	return []stateCase{
		unit("active", "active", sleeps, "systemctl start it.service", asWanted, stop),
		unit("reloading", "reloading", sleeps+"ExecReload="+waits+"\n", "systemctl start it.service; systemctl reload --no-block it.service", asWanted, stop),
		unit("inactive", "inactive", sleeps, nothing, becomes("active", starts), asWanted),
		unit("failed", "failed", "[Service]\nType=exec\nExecStart=/bin/false\n", "systemctl start it.service || true", fails, asWanted),
		notify, again,
		unit("deactivating", "deactivating", sleeps+"ExecStop="+waits+"\n", "systemctl start it.service; systemctl stop --no-block it.service",
			verdict{change: starts, fails: "still deactivating"}, asWanted),
		clean,
	}
}
