package host_test

// on are the states of the units x and y.
func on(x, y string) map[string]string {
	return map[string]string{"a0-x.service": x, "a0-y.service": y}
}

func dependencyCases() []unitCase {
	up, down := "active/running ran", "inactive/dead"
	files := func(x, y string) map[string]string {
		return map[string]string{"a0-x.service": x, "a0-y.service": y}
	}
	return []unitCase{
		{name: "requires", files: files(unit("Requires=a0-y.service\nAfter=a0-y.service"), daemon), steps: []unitStep{
			{do: "start a0-x.service", want: on(up, up)},
			{do: "restart a0-y.service", want: on(up, up)},
			{do: "stop a0-y.service", want: on(down, down)},
			{do: "start a0-y.service", want: on(down, up)},
		}},
		{name: "requires what fails", files: files(unit("Requires=a0-y.service\nAfter=a0-y.service"), oneshot3), steps: []unitStep{
			{
				do: "start a0-x.service", err: "dependency", text: "what it requires did not start: a0-y.service",
				want: on(down, "failed/failed exit-code ran"),
			},
		}},
		{name: "requires what is not there", files: map[string]string{"a0-x.service": unit("Requires=a0-y.service")}, steps: []unitStep{
			{
				do: "start a0-x.service", err: "refused", text: "Unit a0-y.service not found",
				want: on(down, "inactive/dead not-found"),
			},
		}},
		{name: "requires what is masked", files: files(unit("Requires=a0-y.service"), "->/dev/null"), steps: []unitStep{
			{
				do: "start a0-x.service", err: "refused", text: "Unit a0-y.service is masked",
				want: on(down, "inactive/dead masked"),
			},
		}},
		{name: "required by a link", files: map[string]string{
			"a0-x.service": unit("After=a0-y.service"), "a0-y.service": daemon,
			"a0-x.service.requires/a0-y.service": "->../a0-y.service",
		}, steps: []unitStep{
			{do: "start a0-x.service", want: on(up, up)},
			{do: "stop a0-y.service", want: on(down, down)},
		}},
		{name: "wants", files: files(unit("Wants=a0-y.service a0-z.service\nAfter=a0-y.service"), oneshot3), steps: []unitStep{
			{do: "start a0-x.service", want: on(up, "failed/failed exit-code ran")},
		}},
		{name: "binds to", files: files(unit("BindsTo=a0-y.service\nAfter=a0-y.service"), crasher), steps: []unitStep{
			{do: "start a0-x.service", want: on(up, up)},
			{do: "crash a0-y.service", want: on(down, "failed/failed exit-code ran")},
		}},
		{name: "part of", files: files(unit("PartOf=a0-y.service"), daemon), steps: []unitStep{
			{do: "start a0-y.service", want: on(down, up)},
			{do: "restart a0-y.service", want: on(down, up)},
			{do: "start a0-x.service", want: on(up, up)},
			{do: "restart a0-y.service", want: on(up, up)},
			{do: "stop a0-y.service", want: on(down, down)},
		}},
		{name: "requisite", files: files(unit("Requisite=a0-y.service\nAfter=a0-y.service"), daemon), steps: []unitStep{
			{do: "start a0-x.service", err: "dependency", text: "a0-y.service", want: on(down, down)},
			{do: "start a0-y.service", want: on(down, up)},
			{do: "start a0-x.service", want: on(up, up)},
		}},
		{name: "conflicts", files: files(unit("Conflicts=a0-y.service"), daemon), steps: []unitStep{
			{do: "start a0-y.service", want: on(down, up)},
			{do: "start a0-x.service", want: on(up, "inactive/dead ran")},
		}},
		{name: "target", files: map[string]string{
			"a0-x.target": "[Unit]\n", "a0-x.service": daemon, "a0-x.target.wants/a0-x.service": "->../a0-x.service",
		}, steps: []unitStep{
			{do: "start a0-x.target", want: map[string]string{"a0-x.target": "active/active ran", "a0-x.service": up}},
			{do: "stop a0-x.target", want: map[string]string{"a0-x.target": down, "a0-x.service": up}},
		}},
	}
}

func triggerCases() []unitCase {
	both := func(other, a, service string) map[string]string {
		return map[string]string{"a0-x." + other: a, "a0-x.service": service}
	}
	socket := "[Socket]\nListenStream=/run/a0-x.socket\n"
	return []unitCase{
		{name: "socket", files: both("socket", socket, daemon), steps: []unitStep{
			{do: "start a0-x.socket", want: both("socket", "active/listening ran", "inactive/dead")},
			{do: "trigger a0-x.socket", want: both("socket", "active/running ran", "active/running ran")},
			{do: "restart a0-x.service", want: both("socket", "active/running ran", "active/running ran")},
			{do: "stop a0-x.socket", want: both("socket", "inactive/dead", "active/running ran")},
			{do: "start a0-x.socket", err: "failed", want: both("socket", "inactive/dead", "active/running ran")},
			{do: "stop a0-x.service", want: both("socket", "inactive/dead", "inactive/dead")},
		}},
		{name: "service of a socket", files: both("socket", socket, daemon), steps: []unitStep{
			{do: "start a0-x.socket", want: both("socket", "active/listening ran", "inactive/dead")},
			{do: "start a0-x.service", want: both("socket", "active/running ran", "active/running ran")},
			{do: "stop a0-x.service", want: both("socket", "active/listening ran", "inactive/dead ran")},
		}},
		{name: "socket without a place", files: both("socket", "[Socket]\n", daemon), steps: []unitStep{
			{want: both("socket", "inactive/dead bad-setting", "inactive/dead")},
		}},
		{name: "timer", files: both("timer", "[Timer]\nOnActiveSec=1d\n", oneshot), steps: []unitStep{
			{do: "start a0-x.timer", want: both("timer", "active/waiting ran", "inactive/dead")},
			{do: "start a0-x.service", want: both("timer", "active/waiting ran", "inactive/dead ran")},
			{do: "stop a0-x.timer", want: both("timer", "inactive/dead", "inactive/dead")},
		}},
		{name: "timer without a time", files: both("timer", "[Timer]\n", oneshot), steps: []unitStep{
			{want: both("timer", "inactive/dead bad-setting", "inactive/dead")},
		}},
		{name: "path", files: both("path", "[Path]\nPathExists=/run/a0-none\n", daemon), steps: []unitStep{
			{do: "start a0-x.path", want: both("path", "active/waiting ran", "inactive/dead")},
			{do: "start a0-x.service", want: both("path", "active/running ran", "active/running ran")},
			{do: "stop a0-x.service", want: both("path", "active/waiting ran", "inactive/dead ran")},
		}},
	}
}
