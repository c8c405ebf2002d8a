package chaos_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
)

// raw is a connection of a client that decides what it sends when.
type raw struct {
	t *testing.T
	net.Conn
	in *bufio.Reader
}

func dial(t *testing.T, s *serving.Server) *raw {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() }) // it may be closed
	c.SetDeadline(time.Now().Add(serving.Patience))
	return &raw{t, c, bufio.NewReader(c)}
}

func (r *raw) send(text string) {
	r.t.Helper()
	if _, err := io.WriteString(r, text); err != nil {
		r.t.Fatal(err)
	}
}

// answer reads an answer, with its body.
func (r *raw) answer() *http.Response {
	r.t.Helper()
	res, err := http.ReadResponse(r.in, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	res.Body = io.NopCloser(bytes.NewReader(b))
	return res
}

// inside waits until so many requests are inside the server.
func (c *crowd) inside(n float64) {
	c.t.Helper()
	serving.Eventually(c.t, fmt.Sprintf("%v requests are inside", n), func() bool {
		m, err := metrics(c.client, c.server.URL)
		return err == nil && m["agent0_http_requests_in_flight"] == n
	})
}

// metrics returns the values of /metrics that have no labels.
func metrics(client *http.Client, url string) (map[string]float64, error) {
	res, err := client.Get(url + "/metrics")
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	out := map[string]float64{}
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			out[name] = v
		}
	}
	return out, lines.Err()
}

// listening reports whether a process has a listening TCP socket open.
func listening(t *testing.T, pid int) bool {
	t.Helper()
	ours := map[string]bool{} // the inodes of sockets that listen
	for _, name := range []string{"tcp", "tcp6"} {
		b, err := os.ReadFile(filepath.Join("/proc/self/net", name))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); len(f) > 9 && f[3] == "0A" {
				ours["socket:["+f[9]+"]"] = true
			}
		}
	}
	dir := filepath.Join("/proc", strconv.Itoa(pid), "fd")
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		// A descriptor may be closed meanwhile.
		if to, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil && ours[to] {
			return true
		}
	}
	return false
}
