package host

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestLinesOf holds what of the journal an error quotes: what belongs to the start that failed, be it that
// journald could not tell so, and nothing of earlier starts.
func TestLinesOf(t *testing.T) {
	told := time.Unix(1000, 0)
	entry := func(second int, message, more string) string {
		return fmt.Sprintf(`{"__REALTIME_TIMESTAMP":"%d000000","MESSAGE":%s%s}`, second, message, more)
	}
	of := func(start string) string { return `,"_SYSTEMD_INVOCATION_ID":"` + start + `"` }
	about := func(start string) string { return `,"INVOCATION_ID":"` + start + `"` }
	for _, c := range []struct {
		name    string
		entries []string
		want    []string
	}{
		{"one start", []string{entry(1001, `"Starting"`, about("now")), entry(1002, `"own"`, of("now"))}, []string{"Starting", "own"}},
		{"a process that was gone", []string{
			entry(1001, `"Starting"`, about("now")), entry(1002, `"gone"`, ""), entry(1003, `"Failed"`, about("now")),
		}, []string{"Starting", "gone", "Failed"}},
		{"gone before systemd's word of the start came", []string{entry(1001, `"gone"`, ""), entry(1002, `"Starting"`, about("now"))}, []string{"gone", "Starting"}},
		{"at work before it was told", []string{
			entry(990, `"Starting"`, about("now")), entry(991, `"gone"`, ""), entry(1002, `"Failed"`, about("now")),
		}, []string{"Starting", "gone", "Failed"}},
		{"an earlier start", []string{
			entry(900, `"Starting"`, about("old")), entry(901, `"was gone"`, ""), entry(902, `"own"`, of("old")), entry(1001, `"Starting"`, about("now")),
		}, []string{"Starting"}},
		{"what ran until it was told to restart", []string{
			entry(900, `"Starting"`, about("old")), entry(1001, `"bye"`, of("old")), entry(1002, `"Stopped"`, about("old")), entry(1003, `"Starting"`, about("now")),
		}, []string{"Starting"}},
		{"started again by itself since", []string{
			entry(1001, `"Starting"`, about("first")), entry(1002, `"on fire"`, of("first")), entry(1003, `"Starting again"`, about("now")),
		}, []string{"Starting", "on fire", "Starting again"}},
		{"many lines at once", []string{entry(1001, `"a\nb\n"`, of("now"))}, []string{"a", "b"}},
		{"no text", []string{entry(1001, `[27,91,49,109,104,105]`, of("now")), entry(1002, `["a","b"]`, of("now")), "{"}, []string{"\x1b[1mhi"}},
		{"nothing", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := linesOf([]byte(strings.Join(c.entries, "\n")), "now", told)
			if !slices.Equal(got, c.want) {
				t.Errorf("it quotes %q, want %q", got, c.want)
			}
		})
	}
	if got := linesOf([]byte(entry(1001, `"a"`, "")+"\n"+entry(999, `"b"`, "")), "", told); !slices.Equal(got, []string{"a"}) {
		t.Errorf("of a unit that was never started it quotes %q", got)
	}
}
