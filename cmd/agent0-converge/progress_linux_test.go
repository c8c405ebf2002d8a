package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/human"
)

const gib = 1 << 30

// ticking is a clock that goes on by d each time that it is looked at.
func ticking(d time.Duration) func() time.Time {
	now := time.Unix(1_000_000, 0)
	return func() time.Time { now = now.Add(d); return now }
}

// Where nobody looks at a terminal there is a line of JSON now and then, and one at the end.
func TestProgressAsJSON(t *testing.T) {
	var stderr bytes.Buffer
	a := &app{stderr: &stderr, now: ticking(time.Second)}
	p := a.progress()
	for i := range int64(12) {
		p.tell(engine.Progress{Addr: "model.chat", Done: i * gib, Total: 12 * gib, Rate: gib, From: "models.example.com"})
	}
	p.tell(engine.Progress{Addr: "model.chat", Ended: true})
	p.tell(engine.Progress{Addr: "model.quiet", Ended: true})
	p.close()
	var got []string
	for line := range strings.Lines(stderr.String()) {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if e["type"] != "progress" || e["address"] != "model.chat" {
			t.Errorf("an event is %s", line)
		}
		got = append(got, human.Bytes(int64(e["done"].(float64))))
		if e["ended"] == true {
			got = append(got, "end")
		}
	}
	if s := strings.Join(got, ", "); s != "0 B, 5.0 GiB, 10 GiB, 11 GiB, end" {
		t.Errorf("told: %s", s)
	}
}

// On a terminal each model has a bar, with how much, how fast and how long still.
func TestProgressBars(t *testing.T) {
	master, slave, err := openTerminal()
	if err != nil {
		t.Skip("no terminal can be made:", err)
	}
	defer master.Close()
	if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 160}); err != nil {
		t.Fatal(err)
	}
	var (
		shown bytes.Buffer
		wg    sync.WaitGroup
	)
	wg.Go(func() {
		var buf [4096]byte
		for {
			n, err := master.Read(buf[:])
			shown.Write(buf[:n])
			if err != nil { // EIO once the other end is closed
				return
			}
		}
	})
	a := &app{stderr: slave, now: time.Now}
	p := a.progress()
	p.tell(engine.Progress{Addr: "model.chat", Done: gib, Total: 4 * gib, Rate: gib / 16, From: "models.example.com"})
	p.tell(engine.Progress{Addr: "model.small", Done: 1 << 20, Total: -1, Note: "another run is fetching it"})
	p.tell(engine.Progress{Addr: "model.small", Ended: true, Error: "gone"})
	p.tell(engine.Progress{Addr: "model.chat", Ended: true})
	p.close()
	p.close() // which has nothing more to do
	slave.Close()
	wg.Wait()
	for _, want := range []string{"model.chat", "1.0 GiB of 4.0 GiB  64 MiB/s  48 s left  models.example.com", "model.small", "another run is fetching it"} {
		if !strings.Contains(shown.String(), want) {
			t.Errorf("%q is not on the screen:\n%q", want, shown.String())
		}
	}
}

// systemd is asked for more time while bytes come in (sd_notify(3)), and not more often than it needs.
func TestProgressNotifiesSystemd(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	a := &app{stderr: &bytes.Buffer{}, now: ticking(time.Second)}
	p := a.progress()
	for i := range int64(25) {
		p.tell(engine.Progress{Addr: "model.chat", Done: i * gib, Total: 100 * gib})
	}
	p.tell(engine.Progress{Addr: "model.chat", Ended: true})
	var got []string
	buf := make([]byte, 4096)
	for {
		// What was sent is there: a socket of datagrams on one machine keeps nothing on the way.
		if err := conn.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		n, err := conn.Read(buf)
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(buf[:n]))
	}
	if len(got) != 3 || got[1] != "EXTEND_TIMEOUT_USEC=120000000\nSTATUS=model.chat: 10 GiB of 100 GiB" {
		t.Errorf("systemd was told %q", got)
	}
}
