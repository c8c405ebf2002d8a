package program

import (
	"strings"
	"testing"
)

func TestLast(t *testing.T) {
	for log, want := range map[string]string{"": "", "a": "a", "a\nb\nc\n\n": "b\nc", "a\r\nb\r\n": "a\r\nb"} {
		if got := Last([]byte(log), 2); got != want {
			t.Errorf("%q: %q", log, got)
		}
	}
	if got := strings.Count(Tail([]byte(strings.Repeat("line\n", 100))), "line"); got != tailLines {
		t.Errorf("%d lines", got)
	}
}
