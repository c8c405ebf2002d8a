package unitfile

// reenables stands for what "systemctl reenable" makes.
const reenables = "as reenable has it"

// deviations are the trees of which the agent is meant to make something else than systemctl, by what is done
// to them: what it has after a plus and what it lacks after a minus, or why it refuses.
func deviations() map[string]string {
	const (
		a        = "/etc/systemd/system/a.service"
		runtime  = "-/run/systemd/system/multi-user.target.wants/a.service"
		made     = "refuses: is made at every boot from another file"
		broken   = "refuses: systemd cannot load"
		absent   = "refuses: this host has no unit"
		another  = "refuses: is another name of"
		byOthers = "refuses: is enabled by way of others"
	)
	return map[string]string{
		// The link by which a unit is there at all is not what enables it: systemctl takes the unit away with it.
		"disable linked":                                     "+" + a,
		"disable linked and enabled":                         "+" + a,
		"disable linked and static":                          "+" + a,
		"disable linked under another name":                  "+" + a,
		"disable linked through a chain":                     "+" + a,
		"disable drop-in of a linked unit":                   "+" + a,
		"disable a link that leads nowhere":                  "+" + a,
		"disable a link to its own name in the distribution": "+" + a,
		"disable a link to a directory":                      "+" + a,
		"disable instance as a link to its template":         "+/etc/systemd/system/a@x.service",
		"disable alias of an instance":                       "+/etc/systemd/system/b@x.service",
		// A mask is not what enables a unit either.
		"disable template, default instance masked": "+/etc/systemd/system/a@one.service",
		// What is disabled is so also until the next boot, and once nothing masks it any more.
		"disable enabled at run time":               runtime,
		"disable enabled in both":                   runtime,
		"disable masked and enabled":                "-/etc/systemd/system/multi-user.target.wants/a.service",
		"disable a mask that another name leads to": "-/etc/systemd/system/b.service",
		// systemctl says that it has done what it has not, or not to this unit.
		"disable generated":                made,
		"disable generated early and late": made,
		"enable also only":                 byOthers,
		"enable linked under another name": another,
		"disable alias to a template":      another,
		// A name that is no unit's is a mistake in a plan.
		"disable a dangling alias":             absent,
		"disable alias from plain to instance": absent,
		"disable left over links":              absent,
		// Links that [Install] does not ask for, or not any more, go.
		"enable enabled for another target":         reenables,
		"enable alias not of Install":               reenables,
		"enable alias of another type made by hand": reenables,
		"enable also what is not there":             reenables,
		"enable also an alias":                      reenables,
		"enable links to links":                     reenables,
		"enable links in other directories":         reenables,
		// What cannot be loaded does not start at boot.
		"enable rubbish lines":                   broken,
		"enable a comment that is not UTF-8":     broken,
		"enable old Macintosh and Windows lines": broken,
		"enable alias of a mount":                broken,
	}
}
