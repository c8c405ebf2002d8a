package server

import "github.com/agent0-converge/agent0-converge/engine"

// confined is what neither the front nor the engine has any use for: what it leaves is rated by systemd-analyze security.
func confined() map[string]engine.List {
	out := map[string]engine.List{
		"CapabilityBoundingSet": {""},
		"AmbientCapabilities":   {""},
		"DevicePolicy":          {"closed"},
		"KeyringMode":           {"private"},
		// Sockets come from systemd: no process of the server makes one that reaches a network, nor sees one.
		"IPAddressDeny":           {"any"},
		"RestrictAddressFamilies": {"AF_UNIX"},
		"LimitCORE":               {"0"},
		"ProcSubset":              {"pid"},
		"ProtectHome":             {"tmpfs"},
		"ProtectProc":             {"invisible"},
		"ProtectSystem":           {"strict"},
		"SystemCallArchitectures": {"native"},
		// The last four are how an engine confines itself further.
		"SystemCallFilter": {"@system-service landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp", "~@privileged @resources"},
		"UMask":            {"0077"},
	}
	for _, name := range []string{
		"LockPersonality", "MemoryDenyWriteExecute", "NoNewPrivileges", "PrivateDevices", "PrivateNetwork", "PrivateTmp", "PrivateUsers",
		"ProtectClock", "ProtectControlGroups", "ProtectHostname", "ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables",
		"RemoveIPC", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID",
	} {
		out[name] = engine.List{"true"}
	}
	return out
}

// opened gives an engine back what GPUs are used by: their device nodes, and memory that a driver makes programs in.
func opened(section map[string]engine.List) {
	section["PrivateDevices"] = engine.List{"false"}
	section["PrivateUsers"] = engine.List{"false"} // in which the groups of device nodes would be nobody's
	section["MemoryDenyWriteExecute"] = engine.List{"false"}
	section["DeviceAllow"] = engine.List{"char-nvidia rw", "char-nvidia-uvm rw", "char-nvidia-frontend rw", "char-nvidia-caps rw", "char-drm rw", "char-kfd rw"}
	section["ProcSubset"] = engine.List{"all"}
}
