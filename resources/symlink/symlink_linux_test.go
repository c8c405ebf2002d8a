package symlink

import (
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/enginetest"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

type (
	files = map[string]hosttest.File
	cases = []enginetest.Case[Spec]
)

const current = "/opt/agent0/current"

func TestConverges(t *testing.T) {
	trusted := map[string]string{"trusted.a": "b"}
	enginetest.Converges(t, Kind(), cases{
		{Name: "nothing there, nor its folders; it leads nowhere", Spec: &Spec{Path: current, Target: "v2"}, Want: engine.Create},
		{Name: "as wanted", Files: files{current: {Link: "/opt/v2", UID: 7}}, Spec: &Spec{Path: current, Target: "/opt/v2"}, Want: engine.NoOp},
		{Name: "another target, owner and attributes are kept", Files: files{current: {Link: "v1", UID: 7, GID: 8, Xattrs: trusted}},
			Spec: &Spec{Path: current, Target: "v2"}, Want: engine.Update},
		{Name: "the same place in other words is another target", Files: files{current: {Link: "./v2"}},
			Spec: &Spec{Path: current, Target: "v2"}, Want: engine.Update},
		{Name: "another owner", Files: files{current: {Link: "v2", Xattrs: trusted}},
			Spec: &Spec{Path: current, Target: "v2", Owner: "7", Group: "8"}, Want: engine.Update},
		{Name: "an owner that the plan makes", With: []engine.Declared{enginetest.Account("agent0", 998)}, Files: files{"/etc/passwd": {}, "/etc/group": {}},
			Spec: &Spec{Path: current, Target: "v2", Owner: "agent0", Group: "agent0"}, Want: engine.Create},
		{Name: "a directory that it leads to is not touched", Files: files{"/opt/agent0/v1/keep": {}, current: {Link: "v1"}},
			Spec: &Spec{Path: current}, Absent: true, Want: engine.Remove},
		{Name: "absent already", Spec: &Spec{Path: current}, Absent: true, Want: engine.NoOp},
		{Name: "in an image", Offline: true, Spec: &Spec{Path: current, Target: "/opt/v2"}, Want: engine.Create},
	})
}

func TestRefuses(t *testing.T) {
	enginetest.Converges(t, Kind(), cases{
		{Name: "a file", Files: files{current: {}}, Spec: &Spec{Path: current, Target: "v2"}, Err: current + " is a file, not a symlink"},
		{Name: "a directory", Files: files{current: {Dir: true}}, Spec: &Spec{Path: current, Target: "v2"}, Err: "is a directory, not a symlink"},
		{Name: "a file that is to be absent", Files: files{current: {}}, Spec: &Spec{Path: current}, Absent: true, Err: "is a file, not a symlink"},
	})
}

func TestValidate(t *testing.T) {
	absent := Spec{Path: current}
	absent.Absent()
	for _, c := range []struct {
		spec Spec
		want string
	}{
		{Spec{Path: current, Target: "../x"}, ""},
		{absent, ""},
		{Spec{Path: current}, "target: a link needs a target"},
		{Spec{Path: current, Target: "a\x00b"}, "NUL"},
		{Spec{Path: current, Target: strings.Repeat("a", 4096)}, "4095 is the most"},
		{Spec{Path: "current", Target: "x"}, "not absolute"},
	} {
		err := c.spec.Validate()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.spec, err, c.want)
		}
	}
}
