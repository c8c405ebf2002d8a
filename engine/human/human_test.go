package human_test

import (
	"math"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/human"
)

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1: "1 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 10 << 10: "10 KiB", 1008 << 10: "1008 KiB",
		1<<20 - 1: "1.0 MiB", 4<<30 + 100<<20: "4.1 GiB", -(3 << 20): "-3.0 MiB", math.MaxInt64: "8.0 EiB",
	} {
		if got := human.Bytes(n); got != want {
			t.Errorf("%d bytes are %q, want %q", n, got, want)
		}
	}
}

func TestAbout(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Minute: "a second", 0: "a second", 2 * time.Second: "2 s", 89 * time.Second: "89 s", 90 * time.Second: "2 min",
		89 * time.Minute: "89 min", 90 * time.Minute: "2 h", 47 * time.Hour: "47 h", 50 * time.Hour: "2 days",
	} {
		if got := human.About(d); got != want {
			t.Errorf("%v are %q, want %q", d, got, want)
		}
	}
}
