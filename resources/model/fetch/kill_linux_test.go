package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

const (
	killSegment = 2 << 20
	killBlock   = 64 << 10
	// killSmall is what 40 kills take four times; of many kills all are of one and the same download.
	killSmall, killMany, killEach = 16<<20 + 4321, 100, 2 << 20
)

// TestKilled kills a process that fetches, with SIGKILL at any moment, and starts it again, until the file is there.
// AGENT0_KILLS says how often; AGENT0_SEED repeats a run.
func TestKilled(t *testing.T) {
	if spec := os.Getenv("AGENT0_FETCH_CHILD"); spec != "" {
		fetchAsChild(t, strings.Split(spec, " "))
		return
	}
	kills := 40
	fmt.Sscan(os.Getenv("AGENT0_KILLS"), &kills)
	size := killSmall
	if kills >= killMany {
		size = kills * killEach
	}
	k := newKiller(t, size)
	for k.killed < kills {
		k.life(true)
	}
	for k.life(false) {
	}
	t.Logf("killed %d of %d, resumed %d, refetched max %d bytes, sum %d; %d files were completed",
		k.killed, kills, k.resumed, k.most, k.sum, k.files)
	if k.killed != kills || k.resumed != kills {
		t.Errorf("killed %d, resumed %d of %d", k.killed, k.resumed, kills)
	}
	if k.most >= killSegment {
		t.Errorf("%d bytes were fetched twice after a kill: a segment has %d", k.most, killSegment)
	}
}

// fetchAsChild is the process that is killed.
func fetchAsChild(t *testing.T, spec []string) {
	h, err := host.Open(host.Options{Root: spec[0], Facts: &host.Facts{}})
	check(t, err)
	sum, err := hex.DecodeString(spec[2])
	check(t, err)
	size, err := strconv.ParseInt(spec[3], 10, 64)
	check(t, err)
	source := newRanged(spec[1])
	// What is on the way when the process dies is lost: little shall be.
	dialer := &net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) {
		return errors.Join(c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 16<<10) }), err)
	}}
	source.client.Transport.(*http.Transport).DialContext = dialer.DialContext
	source.client.Transport.(*http.Transport).ReadBufferSize = 4 << 10
	f := Fetcher{Host: h, Segment: killSegment, Block: killBlock, window: -1}
	got, err := f.Fetch(context.Background(), Want{SHA256: [32]byte(sum), Size: size, Sources: []Source{source}, Dir: "/models"})
	check(t, err)
	check(t, got.Publish("/models/m.gguf", host.Attr{Mode: 0o644, UID: -1, GID: -1}, nil))
}

// killer serves a file and kills who fetches it.
type killer struct {
	*testing.T
	dice    *rand.Rand
	root    string
	size    int
	content []byte
	sum256  [sha256.Size]byte
	server  *httptest.Server

	killed, resumed, files int
	most, sum              int64
	pending                bool // the last life was killed

	mu    sync.Mutex
	sent  spans // of this file
	again int64 // bytes of this life that were sent before
	asked chan struct{}
}

func newKiller(t *testing.T, size int) *killer {
	k := &killer{T: t, dice: newRand(t), root: t.TempDir(), size: size}
	check(t, os.Mkdir(filepath.Join(k.root, "models"), 0o755))
	k.server = httptest.NewUnstartedServer(http.HandlerFunc(k.serve))
	k.server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		check(t, c.(*net.TCPConn).SetWriteBuffer(16<<10))
		return ctx
	}
	k.server.Start()
	t.Cleanup(k.server.Close)
	k.another()
	return k
}

// another begins with another file.
func (k *killer) another() {
	k.content = random(k.dice.Uint64(), k.size)
	k.sum256 = sha256.Sum256(k.content)
	k.sent = nil
}

// serve sends in small pieces with pauses, so that a kill hits the middle.
func (k *killer) serve(w http.ResponseWriter, r *http.Request) {
	select {
	case k.asked <- struct{}{}:
	default:
	}
	var from, to int64
	if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, len(k.content)))
	w.Header().Set("Content-Length", fmt.Sprint(to+1-from))
	w.WriteHeader(http.StatusPartialContent)
	for from <= to {
		n := min(8<<10, to+1-from)
		if _, err := w.Write(k.content[from : from+n]); err != nil {
			return
		}
		w.(http.Flusher).Flush()
		k.mu.Lock()
		for i := from; i < from+n; i += 1 << 10 {
			if k.sent.end(i) > i {
				k.again += min(1<<10, from+n-i)
			}
		}
		k.sent.add(span{from, from + n})
		k.mu.Unlock()
		from += n
		time.Sleep(time.Millisecond)
	}
}

// life is that of one process. It reports whether it was killed.
func (k *killer) life(kill bool) (killed bool) {
	k.asked = make(chan struct{}, 1)
	k.again = 0
	cmd := exec.Command(os.Args[0], "-test.run", "^TestKilled$")
	cmd.Env = append(os.Environ(), fmt.Sprintf("AGENT0_FETCH_CHILD=%s %s %x %d", k.root, k.server.URL, k.sum256, k.size))
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	check(k, cmd.Start())
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	if kill {
		if k.dice.IntN(4) > 0 { // the others die while they start, open and look at what is there
			select {
			case <-k.asked:
			case err := <-done:
				done <- err
			}
		}
		time.Sleep(time.Duration(k.dice.Int64N(int64(150 * time.Millisecond))))
		check(k, errors.Join(ignoreDone(cmd.Process.Kill())))
	}
	err := <-done
	k.account()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signaled() {
		k.killed++
		k.pending = true
		if _, err := os.Stat(filepath.Join(k.root, "models/m.gguf")); errors.Is(err, fs.ErrNotExist) {
			return true
		}
		// It died between the publication and its own end.
	} else if err != nil {
		k.Fatalf("%v\n%s", err, out.String())
	}
	b, err := os.ReadFile(filepath.Join(k.root, "models/m.gguf"))
	check(k, err)
	same(k, b, k.content)
	k.files++
	check(k, os.Remove(filepath.Join(k.root, "models/m.gguf")))
	k.another()
	return k.pending
}

// account adds up what a life cost that followed a kill.
func (k *killer) account() {
	k.server.CloseClientConnections()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.pending {
		k.resumed++
		k.most, k.sum = max(k.most, k.again), k.sum+k.again
	}
	k.pending = false
}

func ignoreDone(err error) error {
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}
