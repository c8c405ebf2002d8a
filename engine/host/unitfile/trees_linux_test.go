package unitfile

import "strings"

// tree is a host's unit files. A value that starts with "-> " is a symbolic link, an empty one an
// empty file; the rest is text.
type tree struct {
	name  string
	files map[string]string
	// units are those that every verb is tried on.
	units []string
	// since and until are the first and the last version of systemd that behaves so, 0 for any.
	since, until int
	// not are verbs of which the outcome depends on the order in which systemd finds what is in a
	// directory, once --root is given: it does not know a link to a link that it removed.
	not []string
}

const (
	etc = "/etc/systemd/system/"
	run = "/run/systemd/system/"
	usr = "/usr/lib/systemd/system/"
	loc = "/usr/local/lib/systemd/system/"
	pre = "/usr/lib/systemd/system-preset/"
)

// with is a unit file that has these lines in its [Install] section.
func with(install ...string) string {
	return "[Unit]\nDescription=a unit\n\n[Service]\nExecStart=/bin/true\n\n" + dropIn(install...)
}

// dropIn is the [Install] section alone.
func dropIn(install ...string) string {
	return "[Install]\n" + strings.Join(install, "\n") + "\n"
}

const noInstall = "[Service]\nExecStart=/bin/true\n"

type files = map[string]string

func trees() []tree {
	wanted := with("WantedBy=multi-user.target")
	template := with("WantedBy=multi-user.target")
	out := []tree{
		{name: "disabled", files: files{usr + "a.service": wanted}},
		{name: "none", files: files{usr + "b.service": wanted}},
		{name: "enabled", files: files{usr + "a.service": wanted, etc + "multi-user.target.wants/a.service": "-> " + usr + "a.service"}},
		{name: "enabled with a relative link", files: files{usr + "a.service": wanted, etc + "multi-user.target.wants/a.service": "-> ../../../../usr/lib/systemd/system/a.service"}},
		{name: "enabled with a link to the text of another directory", files: files{usr + "a.service": wanted, etc + "a.service": wanted, etc + "multi-user.target.wants/a.service": "-> " + usr + "a.service"}},
		{name: "a link in wants leads elsewhere", files: files{usr + "a.service": wanted, "/opt/a.service": wanted, etc + "multi-user.target.wants/a.service": "-> /opt/a.service"}},
		{name: "a link in wants leads to another unit", files: files{usr + "a.service": wanted, usr + "b.service": wanted, etc + "multi-user.target.wants/a.service": "-> " + usr + "b.service"}},
		{name: "a link in wants leads nowhere", files: files{usr + "a.service": wanted, etc + "multi-user.target.wants/a.service": "-> /opt/gone.service"}},
		{name: "a file in wants", files: files{usr + "a.service": wanted, etc + "multi-user.target.wants/a.service": wanted}},
		{name: "half enabled", files: files{usr + "a.service": with("WantedBy=one.target two.target"), etc + "one.target.wants/a.service": "-> " + usr + "a.service"}},
		{name: "enabled for another target", files: files{usr + "a.service": wanted, etc + "other.target.wants/a.service": "-> " + usr + "a.service"}},
		{name: "enabled and required", files: files{usr + "a.service": with("WantedBy=x.target", "RequiredBy=y.service z.target")}},
		{name: "quoted lists", files: files{usr + "a.service": with(`WantedBy="x.target" 'y.target'  z.target`)}},
		{name: "a list that is reset", files: files{usr + "a.service": with("WantedBy=x.target", "WantedBy=", "WantedBy=y.target")}},
		{name: "continuation lines", files: files{usr + "a.service": with("WantedBy=x.target \\", "# a comment", "  y.target \\", "z.target", "; another", "Alias=c.service")}},
		{name: "static", files: files{usr + "a.service": noInstall}},
		{name: "static and wanted by the distribution", files: files{usr + "a.service": noInstall, usr + "sysinit.target.wants/a.service": "-> ../a.service"}},
		{name: "static and linked in wants by hand", files: files{usr + "a.service": noInstall, etc + "x.target.wants/a.service": "-> ../../../../usr/lib/systemd/system/a.service"}},
		{name: "an empty Install section", files: files{usr + "a.service": dropIn() + noInstall}},
		{name: "masked by a link", files: files{usr + "a.service": wanted, etc + "a.service": "-> /dev/null"}},
		{name: "masked by an empty file", files: files{usr + "a.service": wanted, etc + "a.service": ""}},
		{name: "masked by a link to an empty file", files: files{usr + "a.service": wanted, "/opt/empty": "", etc + "a.service": "-> ../../../opt/empty"}},
		{name: "masked and enabled", files: files{usr + "a.service": wanted, etc + "a.service": "-> /dev/null", etc + "multi-user.target.wants/a.service": "-> " + usr + "a.service"}},
		{name: "masked by the distribution", files: files{usr + "a.service": "-> /dev/null"}},
		{name: "masked at run time", files: files{usr + "a.service": wanted, run + "a.service": "-> /dev/null"}},
		{name: "masked with no unit behind", files: files{etc + "a.service": "-> /dev/null"}},
		{name: "a mask that another name leads to", files: files{usr + "b.service": wanted, etc + "a.service": "-> /dev/null", etc + "b.service": "-> a.service"}, units: []string{"a.service", "b.service"}},
		{name: "a masked template", files: files{usr + "a@.service": template, etc + "a@.service": "-> /dev/null"}, units: []string{"a@.service", "a@x.service"}},
		{name: "linked", files: files{"/opt/a.service": wanted, etc + "a.service": "-> /opt/a.service"}},
		{name: "linked and enabled", files: files{"/opt/a.service": wanted, etc + "a.service": "-> /opt/a.service", etc + "multi-user.target.wants/a.service": "-> /opt/a.service"}},
		{name: "linked and static", files: files{"/opt/a.service": noInstall, etc + "a.service": "-> /opt/a.service"}},
		{name: "linked under another name", files: files{"/opt/other.service": wanted, etc + "a.service": "-> /opt/other.service"}},
		{name: "linked at run time", files: files{"/opt/a.service": wanted, run + "a.service": "-> /opt/a.service"}},
		{name: "linked by the distribution", files: files{"/opt/a.service": wanted, usr + "a.service": "-> /opt/a.service"}},
		{name: "linked through a chain", files: files{"/opt/a.service": "-> real/a.service", "/opt/real/a.service": wanted, etc + "a.service": "-> /opt/a.service"}},
		{name: "a link that leads nowhere", files: files{etc + "a.service": "-> /opt/gone.service", etc + "multi-user.target.wants/a.service": "-> /opt/gone.service"}},
		{name: "a link to its own name in the distribution", files: files{usr + "a.service": wanted, etc + "a.service": "-> " + usr + "a.service"}},
		{name: "a link to a directory", files: files{"/opt/dir/x": "x", etc + "a.service": "-> /opt/dir"}},
		{name: "a directory in its place", files: files{etc + "a.service/x": "x", usr + "a.service": wanted}},
		{name: "enabled at run time", files: files{usr + "a.service": wanted, run + "multi-user.target.wants/a.service": "-> " + usr + "a.service"}},
		{name: "enabled in both", files: files{usr + "a.service": wanted, run + "multi-user.target.wants/a.service": "-> " + usr + "a.service", etc + "multi-user.target.wants/a.service": "-> " + usr + "a.service"}},
		{name: "a unit of run", files: files{run + "a.service": wanted}},
		{name: "generated", files: files{"/run/systemd/generator/a.service": wanted}},
		{name: "generated early and late", files: files{"/run/systemd/generator.early/a.service": wanted, "/run/systemd/generator.late/b.service": noInstall}, units: []string{"a.service", "b.service"}},
		{name: "generated below a unit of etc", files: files{"/run/systemd/generator/a.service": noInstall, etc + "a.service": wanted}},
		{name: "transient", files: files{"/run/systemd/transient/a.service": noInstall}},
		{name: "control and attached", files: files{"/etc/systemd/system.control/a.service": wanted, "/run/systemd/system.attached/b.service": wanted}, units: []string{"a.service", "b.service"}},
		{name: "etc before usr", files: files{usr + "a.service": wanted, etc + "a.service": with("WantedBy=other.target")}},
		{name: "local before usr", files: files{usr + "a.service": noInstall, loc + "a.service": wanted}},
		{name: "broken header", files: files{usr + "a.service": "[Service\nExecStart=/bin/true\n[Install]\nWantedBy=x.target\n"}},
		{name: "broken file in etc over a good one", files: files{usr + "a.service": wanted, etc + "a.service": "[Install\nWantedBy=x.target\n"}},
		{name: "rubbish lines", files: files{usr + "a.service": "before=any\n[Install]\nnothing\n=novalue\nWantedBy=x.target\nWantedBy=\"open\n[X-Own]\nWantedBy=y.target\n[Other]\nWantedBy=z.target\n"}},
		{name: "not UTF-8", files: files{usr + "a.service": "# \xff\n[Install]\nWantedBy=x.target\nX-A=\xff\n"}},
		{name: "a comment that is not UTF-8", files: files{usr + "a.service": "# \xff\n[Install]\nWantedBy=x.target\n"}},
		{name: "a bad default instance", files: files{usr + "a@.service": with("WantedBy=x.target", "DefaultInstance=a/b")}, units: []string{"a@.service", "a@x.service"}},
		{name: "a default instance of no template", files: files{usr + "a.service": with("WantedBy=x.target", "DefaultInstance=%z")}},
		{name: "old Macintosh and Windows lines", files: files{usr + "a.service": "\uFEFF[Install]\r\nWantedBy=x.target\ry.target=1\rWantedBy=z.target\r\n"}},
		{name: "alias", files: files{usr + "a.service": with("Alias=b.service"), usr + "c.service": "-> a.service"}, units: []string{"a.service", "b.service", "c.service"}},
		{name: "alias made", files: files{usr + "a.service": with("Alias=b.service"), etc + "b.service": "-> " + usr + "a.service"}, units: []string{"a.service", "b.service"}},
		{name: "alias made relative", files: files{usr + "a.service": with("Alias=b.service", "WantedBy=x.target"), etc + "b.service": "-> ../../../usr/lib/systemd/system/a.service"}, units: []string{"a.service", "b.service"}},
		{name: "alias not of Install", files: files{usr + "a.service": wanted, etc + "b.service": "-> a.service"}, units: []string{"a.service", "b.service"}},
		{name: "alias of an alias", files: files{usr + "a.service": wanted, usr + "b.service": "-> a.service", usr + "c.service": "-> b.service", etc + "d.service": "-> c.service"}, units: []string{"a.service", "b.service", "c.service", "d.service"}},
		{name: "alias of another type", files: files{usr + "a.service": with("Alias=b.socket", "WantedBy=x.target")}},
		{name: "alias of another type made by hand", files: files{usr + "a.service": wanted, etc + "a.socket": "-> a.service"}, units: []string{"a.service", "a.socket"}},
		{name: "alias to itself", files: files{usr + "a.service": with("Alias=a.service")}},
		{name: "alias in place of a file", files: files{usr + "a.service": with("Alias=b.service"), etc + "b.service": wanted}, units: []string{"a.service", "b.service"}},
		{name: "alias in place of another's", files: files{usr + "a.service": with("Alias=b.service"), usr + "c.service": wanted, etc + "b.service": "-> " + usr + "c.service"}, units: []string{"a.service", "b.service", "c.service"}},
		{name: "alias in a wants directory", files: files{usr + "a.service": with("Alias=x.target.wants/a.service")}},
		{name: "alias in a strange directory", files: files{usr + "a.service": with("Alias=x.target.d/a.service")}},
		{name: "alias of a target unit", files: files{usr + "a.target": with("Alias=default.target")}, units: []string{"a.target", "default.target"}},
		{name: "alias of a mount", files: files{usr + "a.mount": with("Alias=b.mount", "WantedBy=x.target")}, units: []string{"a.mount"}},
		{name: "a dangling alias", files: files{etc + "a.service": "-> gone.service", etc + "x.target.wants/a.service": "-> ../a.service"}},
		{name: "links in a circle", files: files{etc + "a.service": "-> b.service", etc + "b.service": "-> a.service"}, units: []string{"a.service", "b.service"}, not: []string{"disable"}},
		{name: "also", files: files{usr + "a.service": with("WantedBy=x.target", "Also=b.socket"), usr + "b.socket": dropIn("WantedBy=sockets.target")}, units: []string{"a.service", "b.socket"}},
		{name: "also only", files: files{usr + "a.service": with("Also=b.socket"), usr + "b.socket": dropIn("WantedBy=sockets.target")}, units: []string{"a.service", "b.socket"}},
		{name: "also in a circle", files: files{usr + "a.service": with("Also=b.service", "WantedBy=x.target"), usr + "b.service": with("Also=c.service"), usr + "c.service": with("Also=a.service", "WantedBy=y.target")}, units: []string{"a.service", "b.service", "c.service"}},
		{name: "also what is not there", files: files{usr + "a.service": with("Also=gone.service", "WantedBy=x.target"), etc + "y.target.wants/gone.service": "-> /opt/gone.service"}},
		{name: "also what is masked", files: files{usr + "a.service": with("Also=b.service", "WantedBy=x.target"), usr + "b.service": wanted, etc + "b.service": "-> /dev/null"}, units: []string{"a.service", "b.service"}},
		{name: "also an alias", files: files{usr + "a.service": with("Also=c.service", "WantedBy=x.target"), usr + "b.service": wanted, etc + "c.service": "-> " + usr + "b.service"}, units: []string{"a.service", "c.service"}},
		{name: "also what is broken", files: files{usr + "a.service": with("Also=b.service", "WantedBy=x.target"), usr + "b.service": "[Install\n"}, units: []string{"a.service", "b.service"}},
		{name: "also a bad name", files: files{usr + "a.service": with("WantedBy=x.target", "Also=b")}},
		{name: "also with an escape", files: files{usr + "a.service": with(`Also=b\x2dc.service`, "WantedBy=x.target"), usr + `b\x2dc.service`: wanted, usr + "bx2dc.service": with("WantedBy=y.target")}},
		{name: "template", files: files{usr + "a@.service": template}, units: []string{"a@.service", "a@x.service", "a@y.service"}},
		{name: "template with a default instance", files: files{usr + "a@.service": with("WantedBy=x.target", "DefaultInstance=one")}, units: []string{"a@.service", "a@one.service", "a@two.service"}},
		{name: "template, default instance enabled", files: files{usr + "a@.service": with("WantedBy=x.target", "DefaultInstance=one"), etc + "x.target.wants/a@one.service": "-> " + usr + "a@.service"}, units: []string{"a@.service", "a@one.service", "a@two.service"}},
		{name: "template, other instance enabled", files: files{usr + "a@.service": with("WantedBy=x.target", "DefaultInstance=one"), etc + "x.target.wants/a@two.service": "-> " + usr + "a@.service"}, units: []string{"a@.service", "a@one.service", "a@two.service"}},
		{name: "template, default instance masked", files: files{usr + "a@.service": with("WantedBy=x.target", "DefaultInstance=one"), etc + "a@one.service": "-> /dev/null"}, units: []string{"a@.service", "a@one.service"}},
		{name: "instances enabled", files: files{usr + "a@.service": template, etc + "multi-user.target.wants/a@x.service": "-> " + usr + "a@.service", etc + "multi-user.target.wants/a@y.service": "-> " + usr + "a@.service"}, units: []string{"a@.service", "a@x.service"}},
		{name: "instance of the distribution", files: files{usr + "a@.service": template, usr + "multi-user.target.wants/a@x.service": "-> ../a@.service"}, units: []string{"a@.service", "a@x.service"}},
		{name: "instance with a file of its own", files: files{usr + "a@.service": template, usr + "a@x.service": with("WantedBy=own.target")}, units: []string{"a@.service", "a@x.service"}},
		{name: "instance as a link to its template", files: files{usr + "a@.service": template, etc + "a@x.service": "-> a@.service"}, units: []string{"a@x.service"}},
		{name: "instance link to a template in usr", files: files{usr + "a@.service": template, etc + "a@x.service": "-> " + usr + "a@.service"}, units: []string{"a@.service", "a@x.service"}},
		{name: "template wanted by a template", files: files{usr + "a@.service": with("WantedBy=b@.target"), usr + "c@.service": with("WantedBy=b@%i.target")}, units: []string{"a@.service", "c@x.service"}},
		{name: "template with an alias", files: files{usr + "a@.service": with("Alias=b@.service"), usr + "c@.service": with("Alias=d@%i.service")}, units: []string{"a@.service", "a@x.service", "c@x.service"}},
		{name: "template with a plain alias", files: files{usr + "a@.service": with("Alias=b.service")}, units: []string{"a@.service", "a@x.service"}},
		{name: "getty", files: files{usr + "getty@.service": with("WantedBy=getty.target", "DefaultInstance=tty1"), usr + "autovt@.service": "-> getty@.service", etc + "getty.target.wants/getty@tty1.service": "-> " + usr + "getty@.service"}, units: []string{"getty@.service", "getty@tty1.service", "autovt@.service", "autovt@tty1.service"}},
		{name: "alias to a template", files: files{usr + "a@.service": template, usr + "b@.service": "-> a@.service", etc + "c@x.service": "-> " + usr + "a@.service"}, units: []string{"b@.service", "b@x.service", "c@x.service"}},
		{name: "alias of an instance", files: files{usr + "a@.service": template, etc + "b@x.service": "-> a@x.service"}, units: []string{"b@x.service"}},
		{name: "alias from plain to instance", files: files{usr + "a@.service": template, etc + "b.service": "-> a@x.service"}, units: []string{"b.service"}},
		{name: "mount as a template", files: files{usr + "a@.mount": wanted}, units: []string{"a@.mount", "a@x.mount"}},
		{name: "specifiers", files: files{usr + "a-b.service": with("WantedBy=%p.target %N-n.target %j.target", "Alias=%j-%U-%u.service")}, units: []string{"a-b.service"}},
		{name: "specifiers that make names", files: files{usr + "a-b@.service": with("WantedBy=%p-%i.target %N.target %j.target", "Also=%p-also.service", "DefaultInstance=d"), usr + "a-b-also.service": wanted}, units: []string{"a-b@.service", "a-b@x.service"}},
		{name: "specifiers of the machine", files: files{"/etc/machine-id": "0123456789abcdef0123456789abcdef\n", "/etc/os-release": "ID=demo\nVERSION_ID=\"7\"\n", usr + "a.service": with("WantedBy=%m.target %o-%w.target a%W.target %a.target")}},
		{name: "an unknown specifier", files: files{usr + "a.service": with("WantedBy=%z.target x.target")}},
		{name: "an unknown specifier in Also", files: files{usr + "a.service": with("Also=%z.service b.service", "WantedBy=x.target"), usr + "b.service": wanted}},
		{name: "a percent sign at the end", files: files{usr + "a.service": with("WantedBy=x.target%")}},
		{name: "a bad name to be wanted by", files: files{usr + "a.service": with("WantedBy=no-suffix")}},
		{name: "drop-in adds Install", files: files{usr + "a.service": noInstall, etc + "a.service.d/10.conf": dropIn("WantedBy=x.target")}},
		{name: "drop-in adds to Install", files: files{usr + "a.service": wanted, usr + "a.service.d/10.conf": dropIn("WantedBy=x.target", "Alias=z.service")}},
		{name: "drop-in resets Install", files: files{usr + "a.service": wanted, etc + "a.service.d/10.conf": dropIn("WantedBy=")}},
		{name: "drop-in resets and sets", files: files{usr + "a.service": wanted, etc + "a.service.d/20.conf": dropIn("WantedBy=y.target"), run + "a.service.d/10.conf": dropIn("WantedBy=")}},
		{name: "drop-in hidden by another", files: files{usr + "a.service": wanted, usr + "a.service.d/10.conf": dropIn("WantedBy=low.target"), etc + "a.service.d/10.conf": dropIn("WantedBy=high.target")}},
		{name: "drop-in hidden by an empty file", files: files{usr + "a.service": wanted, usr + "a.service.d/10.conf": dropIn("WantedBy=low.target"), etc + "a.service.d/10.conf": ""}},
		{name: "drop-in broken", files: files{usr + "a.service": wanted, etc + "a.service.d/10.conf": "[Install\n"}},
		{name: "drop-in of the template", files: files{usr + "a@.service": template, etc + "a@.service.d/10.conf": dropIn("WantedBy=t.target"), etc + "a@x.service.d/20.conf": dropIn("WantedBy=i.target")}, units: []string{"a@x.service", "a@.service"}},
		{name: "drop-in of the type", files: files{usr + "a-b.service": noInstall, etc + "service.d/10.conf": dropIn("WantedBy=t.target"), etc + "a-.service.d/10.conf": dropIn("WantedBy=p.target")}, units: []string{"a-b.service"}},
		{name: "drop-in of a linked unit", files: files{"/opt/a.service": wanted, etc + "a.service": "-> /opt/a.service", etc + "a.service.d/10.conf": dropIn("WantedBy=", "WantedBy=d.target")}},
		{name: "drop-in without a unit", files: files{etc + "a.service.d/10.conf": dropIn("WantedBy=x.target")}},
		{name: "names with escapes", files: files{usr + `a\x2db.service`: with(`Alias=c\x2dd.service`, `WantedBy=e\x2df.target`), usr + "a-b@.service": with("WantedBy=x.target")}, units: []string{`a\x2db.service`, `a-b@dev-sda\x2d1.service`}},
		{name: "left over links", files: files{etc + "x.target.wants/a.service": "-> " + usr + "a.service", etc + "old.service": "-> " + usr + "a.service"}},
		{name: "links to links", files: files{usr + "a.service": with("Alias=b.service"), etc + "b.service": "-> " + usr + "a.service", etc + "x.target.wants/c.service": "-> ../b.service", etc + "y.target.requires/b.service": "-> ../b.service"}, not: []string{"disable"}},
		{name: "links in other directories", files: files{usr + "a.service": wanted, etc + "strange/a.service": "-> " + usr + "a.service", etc + "x.target.d/a.service": "-> " + usr + "a.service", etc + "not-a-unit": "-> " + usr + "a.service"}},
		{name: "merged usr", files: files{"/lib": "-> usr/lib", usr + "a.service": wanted, usr + "b.service": with("Alias=c.service"), etc + "c.service": "-> /lib/systemd/system/b.service"}, units: []string{"a.service", "b.service", "c.service"}},
		{name: "split usr", until: 254, files: files{"/lib/systemd/system/a.service": wanted, usr + "a.service": with("WantedBy=usr.target"), usr + "b.service": wanted}, units: []string{"a.service", "b.service"}},
		{name: "enabled when usr was split", until: 254, files: files{usr + "a.service": wanted, etc + "multi-user.target.wants/a.service": "-> /lib/systemd/system/a.service"}},
		{name: "upheld by", since: 254, files: files{usr + "a.service": with("UpheldBy=x.target")}},
		{name: "upheld and wanted by", since: 254, files: files{usr + "a.service": with("UpheldBy=x.target", "WantedBy=x.target")}},
	}
	return append(out, presetTrees(wanted, template)...)
}

func presetTrees(wanted, template string) []tree {
	enabled := files{usr + "a.service": wanted, etc + "multi-user.target.wants/a.service": "-> " + usr + "a.service"}
	also := func(more files) files {
		for p, text := range enabled {
			more[p] = text
		}
		return more
	}
	return []tree{
		{name: "preset enables", files: files{usr + "a.service": wanted, pre + "90.preset": "enable a.service\n"}},
		{name: "preset disables", files: also(files{pre + "90.preset": "# all\n\ndisable *\n"})},
		{name: "preset in etc comes first by name", files: also(files{pre + "90.preset": "disable *\n", "/etc/systemd/system-preset/10.preset": "enable a.*\n"})},
		{name: "preset hidden by one of its name", files: also(files{pre + "90.preset": "disable *\n", "/etc/systemd/system-preset/90.preset": "enable b*\n"})},
		{name: "preset hidden by an empty file", files: also(files{pre + "90.preset": "disable *\n", "/etc/systemd/system-preset/90.preset": ""})},
		{name: "preset, the first line counts", files: also(files{pre + "90.preset": "disable a.service\nenable a.service\ndisable *\n"})},
		{name: "preset with a set", files: also(files{pre + "90.preset": "enable [!a-b].service\ndisable [a-c]?service\n"})},
		{name: "preset with a bracket", files: also(files{pre + "90.preset": "disable [a.service\ndisable a\\.service\nenable x\n"})},
		{name: "preset with rubbish", files: also(files{pre + "90.preset": "disableda.service\nenabled *\n  disable\ta.service  \n"})},
		{name: "preset of instances", files: files{usr + "a@.service": template, pre + "90.preset": "enable a@.service one two\ndisable *\n"}, units: []string{"a@.service", "a@one.service", "a@three.service"}},
		{name: "preset of instances of no template", files: also(files{pre + "90.preset": "enable a.service one\ndisable *\n"})},
		{name: "preset of a template", files: files{usr + "a@.service": template, pre + "90.preset": "enable a@*\ndisable *\n"}, units: []string{"a@x.service", "a@.service"}},
		{name: "preset of an alias", files: files{usr + "a.service": with("Alias=b.service"), etc + "b.service": "-> " + usr + "a.service", pre + "90.preset": "disable *\n"}, units: []string{"a.service", "b.service"}},
		{name: "preset ignores", since: 254, files: also(files{pre + "90.preset": "ignore a.service\ndisable *\n"})},
	}
}
