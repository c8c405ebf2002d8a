package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf/gguftest"
)

// shop serves a model, and waits in the middle of it until it is let go on.
type shop struct {
	*httptest.Server
	model   []byte
	half    chan struct{} // closed once half of it was sent
	goOn    chan struct{}
	sent    atomic.Int64
	halfway atomic.Bool
}

func openShop(t *testing.T) *shop {
	t.Helper()
	var b bytes.Buffer
	if err := gguftest.Write(&b, gguftest.Small()); err != nil {
		t.Fatal(err)
	}
	s := &shop{model: b.Bytes(), half: make(chan struct{}), goOn: make(chan struct{})}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *shop) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", `"one"`)
	http.ServeContent(w, r, "", time.Time{}, &goods{bytes.NewReader(s.model), s, r})
}

// goods are a model that is read for a customer.
type goods struct {
	*bytes.Reader
	s *shop
	r *http.Request
}

// Read counts what is sent.
func (g *goods) Read(b []byte) (int, error) {
	at, err := g.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	if at >= int64(len(g.s.model)/2) {
		if g.s.halfway.CompareAndSwap(false, true) {
			close(g.s.half)
		}
		select {
		case <-g.s.goOn:
		case <-g.r.Context().Done():
			return 0, g.r.Context().Err()
		}
	}
	n, err := g.Reader.Read(b[:min(len(b), 4096)])
	g.s.sent.Add(int64(n))
	return n, err
}

// buying is an apply of a plan with that model and a file.
type buying struct {
	t        *testing.T
	shop     *shop
	dir      string
	cmd      *exec.Cmd
	out, err bytes.Buffer
}

func buy(t *testing.T, s *shop, dir string) *buying {
	t.Helper()
	plan := fmt.Sprintf(`
plan { name = "shopping" }
file "motd" {
  path    = "/etc/motd"
  content = "hello\n"
}
model "chat" {
  path    = "/opt/chat.gguf"
  sources = ["%s/chat.gguf"]
  sha256  = "%x"
  size    = %d
}
`, s.URL, sha256.Sum256(s.model), len(s.model))
	b := &buying{t: t, shop: s, dir: dir}
	for _, err := range []error{os.MkdirAll(b.path("root"), 0o755), os.WriteFile(b.path("plan.hcl"), []byte(plan), 0o644)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	b.cmd = exec.Command("agent0-converge", "apply", "--root", b.path("root"), b.path("plan.hcl"))
	b.cmd.Stdout, b.cmd.Stderr = &b.out, &b.err
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.cmd.Process.Kill(); _ = b.cmd.Wait() })
	return b
}

func (b *buying) path(name string) string { return filepath.Join(b.dir, name) }

func (b *buying) ends(want int) {
	b.t.Helper()
	err := b.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		b.t.Fatal(err)
	}
	if got := b.cmd.ProcessState.ExitCode(); got != want {
		b.t.Fatalf("exit status %d, not %d\n%s%s", got, want, &b.out, &b.err)
	}
}

// awaits waits until so many bytes are there as far as anybody can tell.
func (b *buying) awaits(bytes int64) {
	b.t.Helper()
	for limit := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		out, err := exec.Command("agent0-converge", "models", "list", "--json", "--root", b.path("root")).Output()
		if err != nil {
			b.t.Fatal(err)
		}
		var list struct{ Downloads []jsonDownload }
		if err := json.Unmarshal(out, &list); err != nil {
			b.t.Fatal(err)
		}
		if len(list.Downloads) == 1 && list.Downloads[0].Have >= bytes {
			return
		}
		if time.Now().After(limit) {
			b.t.Fatalf("within a minute, this was there: %s", out)
		}
	}
}

func (b *buying) has(name string, want bool) {
	b.t.Helper()
	_, err := os.Lstat(b.path(filepath.Join("root", name)))
	if (err == nil) != want {
		b.t.Errorf("that %s is there is %v, and should be %v", name, err == nil, want)
	}
}

// While something is fetched nothing of the plan is changed, and another run has the host to itself.
func TestDownloadDoesNotLock(t *testing.T) {
	s, dir := openShop(t), t.TempDir()
	b := buy(t, s, dir)
	<-s.half
	b.has("etc/motd", false)
	other := filepath.Join(dir, "other.hcl")
	if err := os.WriteFile(other, []byte("file \"other\" {\n  path    = \"/etc/other\"\n  content = \"x\"\n}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("agent0-converge", "apply", "--root", b.path("root"), other).CombinedOutput(); err != nil {
		t.Fatalf("another run while a model is fetched: %v\n%s", err, out)
	}
	b.has("etc/other", true)
	close(s.goOn)
	b.ends(exitOK)
	b.has("etc/motd", true)
	b.has("opt/chat.gguf", true)
}

// SIGTERM ends a download at once: nothing was changed, and the next run asks for what is missing alone.
func TestDownloadInterrupted(t *testing.T) {
	s, dir := openShop(t), t.TempDir()
	b := buy(t, s, dir)
	<-s.half
	const kept = 256 << 10 // what is written at once, and less than half of the model
	b.awaits(kept)
	if err := b.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	b.ends(128 + int(syscall.SIGTERM))
	b.has("etc/motd", false)
	first := s.sent.Load()
	close(s.goOn)
	b = buy(t, s, dir)
	b.ends(exitOK)
	b.has("opt/chat.gguf", true)
	if then := s.sent.Load() - first; then > int64(len(s.model))-kept+4<<10 {
		t.Errorf("%d bytes of a model of %d were sent again, and %d of them were there", then, len(s.model), kept)
	}
	if strings.Contains(b.out.String(), "interrupted") {
		t.Errorf("a run that changed nothing is said to be interrupted:\n%s", &b.out)
	}
}
