package host_test

import (
	"testing"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// glances reads units as a plan does, and proves that they are told as State tells them.
func glances(t *testing.T, w world, names []string) map[string]host.UnitState {
	t.Helper()
	pass, out := w.host().View().Pass(names), map[string]host.UnitState{}
	for _, name := range names {
		st, err := pass.Units.Glance(t.Context(), name)
		check(t, err)
		whole, err := w.host().View().Units.State(t.Context(), name)
		check(t, err)
		if d := cmp.Diff(comparable(asBrief(whole, st)), comparable(st), cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%s (-state +glance):\n%s", name, d)
		}
		out[name] = st
	}
	return out
}

// asBrief is as much of a state as a glance tells.
func asBrief(whole, glance host.UnitState) host.UnitState {
	if !glance.Brief {
		return whole
	}
	out := host.UnitState{
		Name: whole.Name, Load: whole.Load, Active: whole.Active, Sub: whole.Sub, NeedReload: whole.NeedReload,
		Brief: true, Fresh: glance.Fresh,
	}
	if !glance.Fresh {
		out.Fragment, out.DropIns = whole.Fragment, whole.DropIns
	}
	return out
}

// TestUnitsGlance proves, of the played and of the real systemd, which units a plan reads in brief, and that the next
// plan of the same process sees what has changed.
func TestUnitsGlance(t *testing.T) {
	files := map[string]string{
		"a0-x.service": daemon, "a0-y.service": daemon, "a0-bad.service": "[Service]\n", "a0-z.service": "->a0-y.service",
		"a0-m.service": "->/dev/null", "a0-x.service.d/1.conf": "[Unit]\nAfter=a0-y.service\n", "a0-t@.service": daemon,
	}
	units := []string{
		"a0-x.service", "a0-y.service", "a0-z.service", "a0-bad.service", "a0-m.service", "a0-none.service",
		"a0-t@.service", "a0-t@1.service",
	}
	onBoth(t, files, func(t *testing.T, w world) {
		want := map[string]string{
			"a0-x.service": "fresh inactive/dead", "a0-y.service": "fresh inactive/dead", "a0-z.service": "inactive/dead",
			"a0-bad.service": "inactive/dead bad-setting", "a0-m.service": "fresh inactive/dead masked",
			"a0-none.service": "fresh inactive/dead not-found", "a0-t@.service": "inactive/dead", "a0-t@1.service": "fresh inactive/dead",
		}
		look := func(after string) {
			t.Helper()
			got := map[string]string{}
			for name, st := range glances(t, w, units) {
				how := map[[2]bool]string{{true, false}: "brief ", {true, true}: "fresh "}[[2]bool{st.Brief, st.Fresh}]
				got[name] = how + words(st)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("after %s (-want +got):\n%s", after, d)
			}
		}
		look("boot")
		for _, do := range []string{"start a0-y.service", "start a0-x.service", "stop a0-y.service"} {
			perform(t, w, unitStep{do: do})
		}
		want["a0-x.service"], want["a0-y.service"], want["a0-z.service"] = "active/running ran", "brief inactive/dead", "inactive/dead ran"
		look("a stop of what something that runs refers to, which stays in memory")
		perform(t, w, unitStep{put: map[string]string{"a0-y.service": daemon + "#\n"}})
		want["a0-y.service"], want["a0-z.service"] = "brief inactive/dead need-reload", "inactive/dead need-reload ran"
		look("a change")
		perform(t, w, unitStep{do: "daemon-reload"})
		want["a0-y.service"], want["a0-z.service"] = "brief inactive/dead", "inactive/dead ran"
		look("a reload")
		perform(t, w, unitStep{do: "stop a0-x.service"})
		want["a0-x.service"], want["a0-y.service"], want["a0-z.service"] = "fresh inactive/dead", "fresh inactive/dead", "inactive/dead"
		look("a stop")
	})
}
