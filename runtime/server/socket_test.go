package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// line is a connection on which bytes are written by hand.
type line struct {
	net.Conn
	r *bufio.Reader
}

func (r *rig) dial(t *testing.T, text string) *line {
	t.Helper()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(limit))
	l := &line{c, bufio.NewReader(c)}
	l.write(t, text)
	return l
}

func (l *line) write(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(l, text); err != nil {
		t.Fatal(err)
	}
}

// answer reads one answer.
func (l *line) answer(t *testing.T) *answered {
	t.Helper()
	resp, err := http.ReadResponse(l.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return &answered{resp, body}
}

// closed waits until the server has closed the connection.
func (l *line) closed(t *testing.T) {
	t.Helper()
	_, err := io.Copy(io.Discard, l.r)
	if slow, ok := err.(net.Error); ok && slow.Timeout() {
		t.Error("the connection stays open")
	}
}

// post is a request with its body, or with its beginning.
func post(body string, length int, header ...string) string {
	h := strings.Join(append(header, ""), "\r\n")
	return fmt.Sprintf("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n%sContent-Length: %d\r\n\r\n%s", key, h, length, body)
}

func TestSlowHeader(t *testing.T) {
	r := start(t, func(c *spec.Server, _ *Options) { c.HeaderTimeout = 50 * time.Millisecond })
	r.dial(t, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").closed(t)
	// One that says nothing at all.
	r.dial(t, "").closed(t)
}

func TestIdleConnection(t *testing.T) {
	r := start(t, func(c *spec.Server, _ *Options) { c.IdleTimeout = 50 * time.Millisecond })
	l := r.dial(t, post(ask("x"), len(ask("x"))))
	if a := l.answer(t); a.StatusCode != 200 {
		t.Errorf("%s", a.body)
	}
	l.closed(t)
}

func TestSlowBody(t *testing.T) {
	r := start(t, func(c *spec.Server, _ *Options) { c.ReadTimeout = 50 * time.Millisecond })
	l := r.dial(t, post(`{"messages":`, 1000))
	if a := l.answer(t); a.StatusCode != 408 || a.problem(t).code() != "body_too_slow" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	l.closed(t)
	// The time is for the body alone: an answer may take longer.
	l = r.dial(t, post(ask("!hold:1", `"max_tokens":3`), len(ask("!hold:1", `"max_tokens":3`))))
	r.until(t, "a sequence", func() bool { return r.inEngine() == 1 })
	<-time.After(200 * time.Millisecond) // far longer than the body's time; nothing can be waited for where nothing is to happen
	for range 2 {
		r.step <- struct{}{}
	}
	if a := l.answer(t); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

func TestBodyThatEndsEarly(t *testing.T) {
	r := start(t)
	l := r.dial(t, post(`{"messages":`, 1000))
	if err := l.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if a := l.answer(t); a.StatusCode != 400 || a.problem(t).code() != "invalid_body" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	l.closed(t)
}

// Who has closed his half of the connection counts as gone: nothing tells him from one who has.
func TestHalfClosed(t *testing.T) {
	r := start(t)
	l := r.dial(t, post(ask("!hold:1"), len(ask("!hold:1"))))
	r.until(t, "a sequence", func() bool { return r.inEngine() == 1 })
	if err := l.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	r.until(t, "no sequences", func() bool { return r.inEngine() == 0 })
	l.closed(t)
}

func TestHugeHeader(t *testing.T) {
	r := start(t)
	l := r.dial(t, "GET /health HTTP/1.1\r\nHost: localhost\r\nX-Huge: ")
	go func() { // the server stops reading
		_, _ = io.WriteString(l, strings.Repeat("x", 1<<20)+"\r\n\r\n")
	}()
	resp, err := http.ReadResponse(l.r, nil)
	if err == nil && resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%d", resp.StatusCode)
	}
	l.closed(t)
}

func TestHugeBody(t *testing.T) {
	r := start(t)
	l := r.dial(t, post("", 2<<20, "Expect: 100-continue"))
	if a := l.answer(t); a.StatusCode != 413 || a.problem(t).code() != "body_too_large" {
		t.Errorf("it is told before it is sent: %d %s", a.StatusCode, a.body)
	}
	l = r.dial(t, fmt.Sprintf("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nTransfer-Encoding: chunked\r\n\r\n", key))
	go func() {
		chunk := fmt.Sprintf("%x\r\n%s\r\n", 1<<16, strings.Repeat(" ", 1<<16))
		for range 20 {
			if _, err := io.WriteString(l, chunk); err != nil {
				return
			}
		}
	}()
	if a := l.answer(t); a.StatusCode != 413 || a.problem(t).code() != "body_too_large" {
		t.Errorf("without a length: %d %s", a.StatusCode, a.body)
	}
	l.closed(t)
	most := ask("x" + strings.Repeat(" ", 1<<20-len(ask("x"))))
	if a := r.chat(t, most); len(most) != 1<<20 || a.StatusCode != 200 {
		t.Errorf("a body of %d bytes: %d", len(most), a.StatusCode)
	}
}

func TestContinue(t *testing.T) {
	r := start(t)
	body := ask("x")
	l := r.dial(t, post("", len(body), "Expect: 100-continue"))
	if first, err := l.r.ReadString('\n'); err != nil || !strings.Contains(first, "100 Continue") {
		t.Fatal(first, err)
	}
	if _, err := l.r.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	l.write(t, body)
	if a := l.answer(t); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

func TestPipelining(t *testing.T) {
	r := start(t)
	one, two := ask("one", `"seed":1`), ask("two", `"seed":2,"stream":true`)
	l := r.dial(t, post(one, len(one))+post(two, len(two))+post(one, len(one)))
	first, second, third := l.answer(t), l.answer(t), l.answer(t)
	if content(t, first) != content(t, third) || second.events(t)[len(second.events(t))-1] != "[DONE]" {
		t.Errorf("%s\n%s\n%s", first.body, second.body, third.body)
	}
}

// Not even a broken request gets another answer than an error.
func TestNoHTTP(t *testing.T) {
	r := start(t)
	for _, text := range []string{"\x16\x03\x01\x02\x00\x01", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /health HTTP/1.1\r\n\r\n",
		"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
		"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
		"GET /health HTTP/1.1\r\nHost: localhost\r\n bad: x\r\n\r\n", "GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n"} {
		l := r.dial(t, text)
		if err := l.Conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(l.r, nil)
		if err == nil && (resp.StatusCode < 400 || resp.StatusCode > 505) {
			t.Errorf("%q: %d", text, resp.StatusCode)
		}
		l.closed(t)
	}
	if a := r.do(t, "GET", "/health", ""); a.StatusCode != 200 {
		t.Error("the server is gone")
	}
}

// A client that reads nothing is cut off, and what it asked for is cancelled.
func TestClientThatStopsReading(t *testing.T) {
	r := start(t, func(c *spec.Server, _ *Options) { c.WriteStall = 100 * time.Millisecond })
	for i, fields := range []string{`"stream":true`, `"stream":false`} {
		body := ask("!flood", fields)
		l := r.dial(t, "")
		if err := l.Conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
			t.Fatal(err)
		}
		l.write(t, post(body, len(body)))
		r.until(t, "it has come and is not there any more", func() bool {
			return strings.Count(r.log.String(), `"path":"/v1/chat/completions"`) == i+1
		})
		if inside, _ := r.server.doors.state(); inside != 0 || r.inEngine() != 0 {
			t.Errorf("%s: %d requests, %d sequences", fields, inside, r.inEngine())
		}
	}
	// The answer in one piece is given to the connection at once, and cut off by it.
	if n := strings.Count(r.log.String(), `"status":200`); n != 2 {
		t.Errorf("%s", r.log)
	}
}

// One that reads slowly gets everything.
func TestClientThatReadsSlowly(t *testing.T) {
	r := start(t)
	body := ask("!flood", `"stream":true`)
	l := r.dial(t, post(body, len(body)))
	if a := l.answer(t); len(a.body) < 400*64<<10 || !strings.HasSuffix(string(a.body), "data: [DONE]\n\n") {
		t.Errorf("%d bytes", len(a.body))
	}
}
