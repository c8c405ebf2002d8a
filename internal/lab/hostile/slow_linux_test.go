package hostile_test

import (
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
)

// slowClients is how many of each kind there are at once.
const slowClients = 20

// dial connects, with a buffer so small that what is not read stays with the server.
func dial(t *testing.T, s *serving.Server) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() }) // it may have been closed
	tcp := c.(*net.TCPConn)
	if err := tcp.SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	if err := tcp.SetDeadline(time.Now().Add(serving.Patience)); err != nil {
		t.Fatal(err)
	}
	return tcp
}

// drip writes a byte now and then, as long as it is taken.
func drip(c net.Conn, b string) {
	for i := range b {
		if _, err := c.Write([]byte(b[i : i+1])); err != nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Clients that send slowly, or nothing, are given up, and nothing of them stays.
func TestSlowSenders(t *testing.T) {
	s := guarded(t)
	before := s.AwaitReady(t)
	goroutines := metric(t, s, "go_goroutines")
	head := string(request(toComplete, "Content-Length: 1000\r\n", ""))
	closed, tooSlow := 0, 0
	ends := make(chan string)
	for i := range 3 * slowClients {
		c := dial(t, s)
		switch i % 3 {
		case 0: // a header, a byte at a time
			go drip(c, head)
		case 1: // a body, a byte at a time
			go func() {
				if _, err := c.Write([]byte(head)); err == nil {
					drip(c, strings.Repeat(" ", 1000))
				}
			}()
		case 2: // nothing at all
		}
		go func() {
			b, _ := io.ReadAll(c) // that it was reset is an end too
			ends <- string(b)
		}()
	}
	for range 3 * slowClients {
		b := <-ends
		closed++
		if strings.HasPrefix(b, "HTTP/1.1 408") && strings.Contains(b, `"code":"body_too_slow"`) {
			tooSlow++
		}
	}
	t.Logf("%d slow clients, %d connections closed, %d told that the body is too slow", 3*slowClients, closed, tooSlow)
	if tooSlow != slowClients {
		t.Errorf("%d of %d slow bodies were answered", tooSlow, slowClients)
	}
	unharmed(t, s, before, goroutines)
}

// Clients that never read what they asked for are given up: the engine has their room back, and others are answered meanwhile.
func TestStreamsThatNobodyReads(t *testing.T) {
	s := guarded(t)
	before := s.AwaitReady(t)
	goroutines := metric(t, s, "go_goroutines")
	body := `{"messages":[{"role":"user","content":"a"}],"n":16,"max_tokens":200,"ignore_eos":true,"logprobs":true,"top_logprobs":20,"stream":true}`
	var all []*net.TCPConn
	for range 4 {
		c := dial(t, s)
		fmt.Fprint(c, string(request("POST /v1/chat/completions HTTP/1.1", sized(body), body))) // an error shows below
		all = append(all, c)
	}
	if a := send(t, s, request(toComplete, sized(good), good)); a.status != 200 {
		t.Errorf("another client: %d %s", a.status, a.body)
	}
	unharmed(t, s, before, goroutines)
	var lines [][]string
	serving.Eventually(t, "the log tells of each stream", func() bool {
		lines = generated.FindAllStringSubmatch(s.Front().Log(), -1)
		return len(lines) >= len(all)
	})
	var counts []string
	for _, l := range lines {
		counts = append(counts, l[1])
		if l[1] == strconv.Itoa(16*200) {
			t.Error("a stream went to its end though nobody read it")
		}
	}
	if len(lines) != len(all) {
		t.Errorf("%d streams, and the log has %d", len(all), len(lines))
	}
	t.Logf("%d streams that nobody read, given up after so many tokens: %v", len(all), counts)
}

// generated is what the log says of a chat: how many tokens were generated.
var generated = regexp.MustCompile(`"path":"/v1/chat/completions"[^\n]*"generated_tokens":(\d+)`)
