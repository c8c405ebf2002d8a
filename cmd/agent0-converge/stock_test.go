package main

import (
	"fmt"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// stock is a root as a distribution leaves it, as far as kinds of resources look at it. An image of it
// enables cron and ssh, and no other unit.
func stock() map[string]hosttest.File {
	program, private := hosttest.File{Content: "#!/bin/sh\n", Mode: 0o755}, func(text string) hosttest.File {
		return hosttest.File{Content: text, Mode: 0o640, GID: 42}
	}
	groups := "root:x:0:\ndaemon:x:1:\nadm:x:4:alice\nshadow:x:42:\nvideo:x:44:alice,bob\nusers:x:100:\nrender:x:106:\n" +
		"alice:x:1000:\nbob:x:1001:\nnogroup:x:65534:\n"
	files := map[string]hosttest.File{
		"/etc/passwd": {Content: "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n" +
			"# people\nalice:x:1000:1000:Alice,,,:/home/alice:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n" +
			"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
		"/etc/group": {Content: groups},
		"/etc/shadow": private("root:*:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\nalice:$y$j9T$salt$hash:19000:0:99999:7:::\n" +
			"bob:!:19000:0:99999:7:::\nnobody:*:19000:0:99999:7:::\n"),
		"/etc/gshadow": private(gshadow(groups)),

		"/etc/logrotate.conf":          {Content: "weekly\nrotate 4\ncreate\ninclude /etc/logrotate.d\n"},
		"/etc/logrotate.d/apt":         {Content: "/var/log/apt/term.log {\n  rotate 12\n}\n"},
		"/etc/sysctl.d/10-others.conf": {Content: "kernel.panic = 10\n"},
		"/bin/sh":                      program, "/usr/sbin/nologin": program, "/usr/local/bin/agent0-converge": program,

		"/usr/lib/systemd/system-preset/90-stock.preset": {Content: "enable cron.service\nenable ssh.service\ndisable *\n"},
		"/etc/systemd/system/ssh.service.d/others.conf":  {Content: "[Service]\nNice=1\n"},
	}
	for _, name := range []string{"basic", "multi-user", "timers"} {
		files["/usr/lib/systemd/system/"+name+".target"] = hosttest.File{Content: "[Unit]\nDescription=" + name + "\n"}
	}
	for _, name := range []string{"cron", "ssh", "bluetooth"} {
		files["/usr/lib/systemd/system/"+name+".service"] = hosttest.File{Content: fmt.Sprintf(
			"[Service]\nExecStart=/usr/sbin/%s\n\n[Install]\nWantedBy=multi-user.target\n", name)}
	}
	for _, name := range []string{"cron", "ssh"} {
		files["/etc/systemd/system/multi-user.target.wants/"+name+".service"] = hosttest.File{Link: "/usr/lib/systemd/system/" + name + ".service"}
	}
	return files
}

// gshadow has the lines that go with those of group.
func gshadow(groups string) string {
	var out strings.Builder
	for line := range strings.Lines(groups) {
		f := strings.Split(strings.TrimSpace(line), ":")
		fmt.Fprintf(&out, "%s:!::%s\n", f[0], f[3])
	}
	return out.String()
}
