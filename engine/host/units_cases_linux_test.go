package host_test

import (
	"maps"
	"slices"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// Unit files that several cases have.
const (
	daemon   = "[Service]\nExecStart=/bin/sleep infinity\n"
	exits3   = "[Service]\nExecStart=/bin/sh -c 'exit 3'\n"
	notify   = "[Service]\nType=notify\nExecStart=/bin/sleep infinity\n"
	oneshot  = "[Service]\nType=oneshot\nExecStart=/bin/true\n"
	remains  = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"
	oneshot3 = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'exit 3'\n"
	crasher  = "[Service]\nExecStart=/bin/sh -c 'trap \"exit 7\" USR1; while :; do sleep 0.05; done'\n"
)

// x is what a step wants of x.service alone.
func x(state string) map[string]string { return map[string]string{"a0-x.service": state} }

func unit(lines string) string { return "[Unit]\n" + lines + "\n" + daemon }

// unitCases are what the fake and systemd are held to alike.
func unitCases() []unitCase {
	return slices.Concat(serviceCases(), jobCases(), loadCases(), dependencyCases(), triggerCases())
}

func serviceCases() []unitCase {
	file := func(text string) map[string]string { return map[string]string{"a0-x.service": text} }
	return []unitCase{
		{name: "simple", files: file(daemon), steps: []unitStep{
			{want: x("inactive/dead")},
			{do: "start a0-x.service", want: x("active/running ran")},
			{do: "start a0-x.service", want: x("active/running ran")},
			{do: "restart a0-x.service", want: x("active/running ran")},
			{do: "stop a0-x.service", want: x("inactive/dead")},
			{do: "stop a0-x.service", want: x("inactive/dead")},
			{do: "restart a0-x.service", want: x("active/running ran")},
		}},
		{name: "simple that ends", files: file(exits3), steps: []unitStep{
			{do: "start a0-x.service", want: x("failed/failed exit-code ran")},
			{do: "stop a0-x.service", want: x("failed/failed exit-code ran")},
			{do: "reset-failed a0-x.service", want: x("inactive/dead")},
		}},
		{name: "simple that succeeds", files: file("[Service]\nExecStart=/bin/true\n"), steps: []unitStep{
			{do: "start a0-x.service", want: x("inactive/dead")},
		}},
		{name: "simple that succeeds and remains", files: file("[Service]\nExecStart=/bin/true\nRemainAfterExit=true\n"), steps: []unitStep{
			{do: "start a0-x.service", want: x("active/exited ran")},
			{do: "stop a0-x.service", want: x("inactive/dead")},
		}},
		{name: "crash", files: file(crasher), steps: []unitStep{
			{do: "start a0-x.service", want: x("active/running ran")},
			{do: "crash a0-x.service", want: x("failed/failed exit-code ran")},
			{do: "start a0-x.service", want: x("active/running ran")},
		}},
		{
			name: "exec without its program", files: file("[Service]\nType=exec\nExecStart=/nonexistent\n"),
			behave: map[string]hosttest.Behaviour{"a0-x.service": {Exit: 203}},
			steps: []unitStep{
				{do: "start a0-x.service", err: "failed", text: "203 (EXEC", want: x("failed/failed exit-code ran")},
			},
		},
		{name: "exec", files: file(crasher + "Type=exec\n"), steps: []unitStep{
			{do: "start a0-x.service", want: x("active/running ran")},
			{do: "crash a0-x.service", want: x("failed/failed exit-code ran")},
		}},
		{name: "oneshot", files: file(oneshot), steps: []unitStep{
			{do: "start a0-x.service", want: x("inactive/dead")},
			{do: "restart a0-x.service", want: x("inactive/dead")},
		}},
		{name: "oneshot that remains", files: file(remains), steps: []unitStep{
			{do: "start a0-x.service", want: x("active/exited ran")},
			{do: "restart a0-x.service", want: x("active/exited ran")},
			{do: "stop a0-x.service", want: x("inactive/dead")},
		}},
		{name: "oneshot that fails", files: file(oneshot3), steps: []unitStep{
			{do: "start a0-x.service", err: "failed", text: "its main process exited with status 3", want: x("failed/failed exit-code ran")},
			{do: "restart a0-x.service", err: "failed", want: x("failed/failed exit-code ran")},
			{put: file(oneshot), want: x("failed/failed exit-code need-reload ran")},
			{do: "daemon-reload", want: x("failed/failed exit-code ran")},
			{do: "start a0-x.service", want: x("inactive/dead")},
		}},
		{name: "notify that fails", files: file("[Service]\nType=notify\nExecStart=/bin/sh -c 'exit 4'\n"), steps: []unitStep{
			{do: "start a0-x.service", err: "failed", text: "status 4", want: x("failed/failed exit-code ran")},
		}},
		{name: "notify that ends", files: file("[Service]\nType=notify\nExecStart=/bin/true\n"), steps: []unitStep{
			{do: "start a0-x.service", err: "failed", text: "it ended before it was ready", want: x("failed/failed protocol ran")},
		}},
		{name: "restart that fails", files: file(daemon), steps: []unitStep{
			{do: "start a0-x.service", want: x("active/running ran")},
			{put: file(oneshot3), want: x("active/running need-reload ran")},
			{do: "daemon-reload", want: x("active/running ran")},
			{do: "restart a0-x.service", err: "failed", want: x("failed/failed exit-code ran")},
		}},
		{name: "condition", files: file(unit("ConditionPathExists=/run/a0-there")), steps: []unitStep{
			{do: "start a0-x.service", want: x("inactive/dead")},
			{put: map[string]string{"/run/a0-there": ""}, do: "start a0-x.service", want: x("active/running ran")},
			{remove: []string{"/run/a0-there"}, do: "restart a0-x.service", want: x("inactive/dead")},
		}},
	}
}

func jobCases() []unitCase {
	file := func(text string) map[string]string { return map[string]string{"a0-x.service": text} }
	hangs := map[string]hosttest.Behaviour{"a0-x.service": {NeverReady: true}}
	return []unitCase{
		{name: "never ready", files: file(notify), behave: hangs, steps: []unitStep{
			{
				do: "start a0-x.service", within: time.Second, err: "still activating after",
				text: "it must send READY=1", want: x("activating/start job ran"),
			},
			{
				do: "start a0-x.service", within: time.Second, err: "still activating after",
				want: x("activating/start job ran"),
			},
			{do: "stop a0-x.service", want: x("inactive/dead")},
		}},
		{
			name: "start limit", files: file("[Unit]\nStartLimitBurst=2\nStartLimitIntervalSec=1h\n" + daemon),
			behave: map[string]hosttest.Behaviour{"a0-x.service": {StartLimit: 2}},
			steps: []unitStep{
				{do: "start a0-x.service", want: x("active/running ran")},
				{do: "restart a0-x.service", want: x("active/running ran")},
				{do: "restart a0-x.service", err: "failed", text: "start limit hit", want: x("failed/failed start-limit-hit ran")},
				{do: "start a0-x.service", err: "failed", text: "start limit hit", want: x("failed/failed start-limit-hit ran")},
				{do: "reset-failed a0-x.service", want: x("inactive/dead")},
				{do: "start a0-x.service", want: x("active/running ran")},
			},
		},
		{name: "reload", files: file(daemon + "ExecReload=/bin/true\n"), steps: []unitStep{
			{do: "reload a0-x.service", err: "invalid", text: "it is not running", want: x("inactive/dead")},
			{do: "start a0-x.service", want: x("active/running ran")},
			{do: "reload a0-x.service", want: x("active/running ran")},
		}},
		{
			name: "reload that fails", files: file(daemon + "ExecReload=/bin/false\n"),
			behave: map[string]hosttest.Behaviour{"a0-x.service": {ReloadExit: 1}},
			steps: []unitStep{
				{do: "start a0-x.service", want: x("active/running ran")},
				{do: "reload a0-x.service", err: "failed", text: "its reload command failed", want: x("active/running ran")},
			},
		},
		{name: "no reload", files: file(daemon), steps: []unitStep{
			{do: "start a0-x.service", want: x("active/running ran")},
			{do: "reload a0-x.service", err: "refused", text: "not applicable", want: x("active/running ran")},
		}},
		{name: "not there", steps: []unitStep{
			{want: x("inactive/dead not-found")},
			{do: "start a0-x.service", err: "refused", text: "Unit a0-x.service not found", want: x("inactive/dead not-found")},
			{do: "restart a0-x.service", err: "refused", text: "not found", want: x("inactive/dead not-found")},
			{do: "reload a0-x.service", err: "refused", text: "not found", want: x("inactive/dead not-found")},
			{do: "stop a0-x.service", err: "refused", text: "Unit a0-x.service not loaded", want: x("inactive/dead not-found")},
			{do: "reset-failed a0-x.service", want: x("inactive/dead not-found")},
		}},
		{name: "only by dependency", files: file(unit("RefuseManualStart=yes")), steps: []unitStep{
			{do: "start a0-x.service", err: "refused", text: "Operation refused", want: x("inactive/dead")},
		}},
		{name: "environment file missing", files: file(daemon + "EnvironmentFile=/run/a0.env\n"), steps: []unitStep{
			{do: "start a0-x.service", err: "failed", text: "EnvironmentFile=", want: x("failed/failed resources ran")},
			{put: map[string]string{"/run/a0.env": "A=1\n"}, do: "start a0-x.service", want: x("active/running ran")},
		}},
		{name: "environment file optional", files: file(daemon + "EnvironmentFile=-/run/a0.env\n"), steps: []unitStep{
			{do: "start a0-x.service", want: x("active/running ran")},
		}},
	}
}

func loadCases() []unitCase {
	file := func(text string) map[string]string { return map[string]string{"a0-x.service": text} }
	wanted := map[string]string{"/run/systemd/system/multi-user.target.wants/a0-x.service": "->/run/systemd/system/a0-x.service"}
	both := func(a, b map[string]string) map[string]string {
		out := maps.Clone(a)
		maps.Copy(out, b)
		return out
	}
	return []unitCase{
		{name: "masked by a link", files: file("->/dev/null"), steps: []unitStep{
			{do: "start a0-x.service", err: "refused", text: "Unit a0-x.service is masked", want: x("inactive/dead masked")},
		}},
		{name: "masked by an empty file", files: file(""), steps: []unitStep{
			{do: "start a0-x.service", err: "refused", text: "is masked", want: x("inactive/dead masked")},
		}},
		{name: "masked while it runs", files: file(daemon), steps: []unitStep{
			{do: "start a0-x.service", want: x("active/running ran")},
			{put: map[string]string{"/etc/systemd/system/a0-x.service": "->/dev/null"}, do: "daemon-reload", want: x("active/running masked ran")},
			{do: "stop a0-x.service", want: x("inactive/dead masked")},
			{remove: []string{"/etc/systemd/system/a0-x.service"}, do: "daemon-reload", want: x("inactive/dead")},
		}},
		{name: "no command", files: file("[Service]\nType=simple\n"), steps: []unitStep{
			{do: "start a0-x.service", err: "refused", text: "bad unit file setting", want: x("inactive/dead bad-setting")},
		}},
		{name: "two commands", files: file("[Service]\nExecStart=/bin/sleep infinity\nExecStart=/bin/true\n"), steps: []unitStep{
			{do: "start a0-x.service", err: "refused", text: "bad unit file setting", want: x("inactive/dead bad-setting")},
		}},
		{name: "broken section", files: file("[Service\nExecStart=/bin/true\n"), steps: []unitStep{
			{do: "start a0-x.service", err: "refused", want: x("inactive/dead error")},
		}},
		{name: "edited while it runs", files: file(daemon), steps: []unitStep{
			{do: "start a0-x.service", want: x("active/running ran")},
			{put: file(daemon + "# again\n"), want: x("active/running need-reload ran")},
			{do: "daemon-reload", want: x("active/running ran")},
		}},
		{name: "extended by a new directory while it runs", before: 257, files: file(daemon), steps: []unitStep{
			{do: "start a0-x.service", want: x("active/running ran")},
			{put: map[string]string{"a0-x.service.d/a.conf": "[Service]\nNice=1\n"}, want: x("active/running ran")},
			{do: "daemon-reload", want: x("active/running ran")},
		}},
		{name: "extended while it runs", files: both(file(daemon), map[string]string{"a0-x.service.d/0.conf": ""}), steps: []unitStep{
			{do: "start a0-x.service", want: x("active/running ran")},
			{
				put:  map[string]string{"a0-x.service.d/a.conf": "[Service]\nNice=1\n"},
				want: x("active/running need-reload ran"),
			},
			{do: "daemon-reload", want: x("active/running ran")},
			{
				put:  map[string]string{"a0-x.service.d/a.conf": "[Service]\nNice=2\n"},
				want: x("active/running need-reload ran"),
			},
			{do: "daemon-reload", want: x("active/running ran")},
			{remove: []string{"a0-x.service.d/a.conf"}, want: x("active/running need-reload ran")},
			{do: "daemon-reload", want: x("active/running ran")},
		}},
		{name: "removed while it runs", files: file(daemon), steps: []unitStep{
			{do: "start a0-x.service", want: x("active/running ran")},
			{remove: []string{"a0-x.service"}, want: x("active/running need-reload ran")},
			{do: "daemon-reload", want: x("active/running not-found ran")},
			{do: "stop a0-x.service", want: x("inactive/dead not-found")},
		}},
		{name: "overridden while it runs", files: file(daemon), steps: []unitStep{
			{do: "start a0-x.service", want: x("active/running ran")},
			{put: map[string]string{"/etc/systemd/system/a0-x.service": daemon}, want: x("active/running ran")},
			{do: "daemon-reload", want: x("active/running ran")},
		}},
		{name: "edited while nothing refers to it", files: file(exits3), steps: []unitStep{
			{want: x("inactive/dead")},
			{put: file(daemon), want: x("inactive/dead")},
			{do: "start a0-x.service", want: x("active/running ran")},
		}},
		{name: "edited while a target wants it", files: both(file(exits3), wanted), steps: []unitStep{
			{do: "daemon-reload", want: x("inactive/dead")},
			{put: file(daemon), want: x("inactive/dead need-reload")},
			{do: "start a0-x.service", want: x("failed/failed exit-code need-reload ran")},
			{do: "daemon-reload", want: x("failed/failed exit-code ran")},
			{do: "start a0-x.service", want: x("active/running ran")},
			{do: "stop a0-x.service", want: x("inactive/dead ran")},
		}},
		{name: "enabled and disabled", files: file(daemon + "[Install]\nWantedBy=multi-user.target\n"), steps: []unitStep{
			{want: x("inactive/dead")},
			{put: wanted, want: x("inactive/dead")},
			{do: "daemon-reload", want: x("inactive/dead")},
			{do: "start a0-x.service", want: x("active/running ran")},
			{remove: []string{"/run/systemd/system/multi-user.target.wants/a0-x.service"}, want: x("active/running ran")},
			{do: "daemon-reload", want: x("active/running ran")},
		}},
		{
			name: "template",
			files: map[string]string{
				"a0-x@.service": daemon + "EnvironmentFile=/run/a0-%i.env\n[Install]\nWantedBy=multi-user.target\n",
				"/run/a0-b.env": "B=1\n",
			},
			steps: []unitStep{
				{want: map[string]string{"a0-x@.service": "inactive/dead", "a0-x@a.service": "inactive/dead"}},
				{
					do: "start a0-x@a.service", err: "failed",
					want: map[string]string{"a0-x@a.service": "failed/failed resources ran", "a0-x@b.service": "inactive/dead"},
				},
				{
					do:   "start a0-x@b.service",
					want: map[string]string{"a0-x@a.service": "failed/failed resources ran", "a0-x@b.service": "active/running ran"},
				},
			},
		},
		{name: "no template", steps: []unitStep{{want: map[string]string{"a0-x@.service": "inactive/dead not-found"}}}},
		{
			name: "alias", files: both(file(daemon+"[Install]\nAlias=a0-y.service\n"), map[string]string{"a0-y.service": "->a0-x.service"}),
			steps: []unitStep{
				{do: "start a0-y.service", want: map[string]string{"a0-y.service": "active/running ran", "a0-x.service": "active/running ran"}},
				{do: "stop a0-x.service", want: map[string]string{"a0-y.service": "inactive/dead"}},
			},
		},
	}
}
