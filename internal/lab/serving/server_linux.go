package serving

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// Server is a front under a socket that this process holds, with the engine that it started as its child.
type Server struct {
	// URL is where it answers: "http://127.0.0.1:41234".
	URL      string
	Config   spec.Runtime
	programs Programs
	file     string
	socket   *os.File

	mu    sync.Mutex
	front *Front
}

// Front is one process of agent0-converge serve.
type Front struct {
	Cmd  *exec.Cmd
	log  log
	done chan struct{}
}

// log is what a process says, to be read while it runs.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Start serves agent0-tiny, or what change says, with its configuration in a folder. The engine computes with one thread:
// others are at work on the machine too. It does not wait until there is an engine.
func Start(p Programs, dir string, change func(*spec.Runtime)) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer l.Close() // the descriptor below is another
	s := &Server{URL: "http://" + l.Addr().String(), Config: spec.DefaultRuntime(), programs: p, file: filepath.Join(dir, "server.json")}
	if s.socket, err = l.(*net.TCPListener).File(); err != nil {
		return nil, err
	}
	tiny, err := Tiny()
	if err != nil {
		return nil, err
	}
	s.Config.Engines, s.Config.Server.Model = p.Engines, "agent0-tiny"
	s.Config.Server.Listen, s.Config.Engine.Model, s.Config.Engine.Threads = l.Addr().String(), []string{tiny}, 1
	if change != nil {
		change(&s.Config)
	}
	return s, errors.Join(s.Configure(), s.StartFront())
}

// Configure writes the configuration, for the next front to read, the next engine at a socket, or the front that there is when it
// is told to by Reload.
func (s *Server) Configure() error {
	b, err := json.MarshalIndent(s.Config, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(s.file, b, 0o600)
}

// Corrupt writes a text for a configuration.
func (s *Server) Corrupt(text string) error { return os.WriteFile(s.file, []byte(text), 0o600) }

// Reload has the front read its configuration again.
func (s *Server) Reload() error { return s.Front().Cmd.Process.Signal(syscall.SIGHUP) }

// StartFront starts a front under the socket.
func (s *Server) StartFront() error {
	// The process that a socket is for is named in its environment: a shell knows which it becomes.
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, s.programs.Agent, "serve", "--config", s.file)
	cmd.Env = append(os.Environ(), "LISTEN_FDS=1")
	cmd.ExtraFiles = []*os.File{s.socket}
	f := &Front{Cmd: cmd, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &f.log, &f.log
	cmd.WaitDelay = time.Minute // an engine that outlives its front has its log open
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		defer close(f.done)
		cmd.Wait() // how it ended is in ProcessState
	}()
	s.mu.Lock()
	s.front = f
	s.mu.Unlock()
	return nil
}

// Front is the front that was started last.
func (s *Server) Front() *Front {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.front
}

// Log is what the front and its engines have said.
func (f *Front) Log() string { return f.log.String() }

// Ended is closed when the front has ended and everything that it said is there.
func (f *Front) Ended() <-chan struct{} { return f.done }

// Wait returns how the front ended, once it has.
func (f *Front) Wait(ctx context.Context) (*os.ProcessState, error) {
	select {
	case <-f.done:
		return f.Cmd.ProcessState, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("the front has not ended: %w\n%s", ctx.Err(), f.Log())
	}
}

// Close kills the front, and with it its engine, and closes the socket.
func (s *Server) Close() error {
	f := s.Front()
	if f != nil {
		f.Cmd.Process.Kill() // if it has not ended
		<-f.done
	}
	return s.socket.Close()
}

// Health is what /health says, as far as tests ask.
type Health struct {
	Status   string   `json:"status"`
	Ready    bool     `json:"ready"`
	Reason   string   `json:"reason"`
	Backend  string   `json:"backend"`
	Device   string   `json:"device"`
	Degraded []string `json:"degraded"`
	Model    struct {
		ID          string `json:"id"`
		Description string `json:"description"`
		Context     int    `json:"context"`
	} `json:"model"`
	Swap   *wire.Swap `json:"swap"`
	Engine struct {
		PID         int               `json:"pid"`
		Build       string            `json:"build"`
		Exits       map[string]uint64 `json:"restarts"`
		Replayed    uint64            `json:"replayed"`
		Continued   uint64            `json:"continued"`
		Quarantined uint64            `json:"quarantined"`
		Running     int               `json:"running"`
		Waiting     int               `json:"waiting"`
	} `json:"engine"`
	// Code is the HTTP status.
	Code int `json:"-"`
}

// Health asks /health.
func (s *Server) Health(ctx context.Context) (h Health, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/health", nil)
	if err != nil {
		return h, err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return h, err
	}
	defer res.Body.Close()
	h.Code = res.StatusCode
	return h, json.NewDecoder(res.Body).Decode(&h)
}

// Until asks /health until it is as wanted, and returns it.
func (s *Server) Until(ctx context.Context, wanted func(Health) bool) (Health, error) {
	for {
		h, err := s.Health(ctx)
		if err == nil && wanted(h) {
			return h, nil
		}
		select {
		case <-ctx.Done():
			return h, fmt.Errorf("/health is not as wanted (%w): %+v, %v\n%s", ctx.Err(), h, err, s.Front().Log())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Ready waits until a token was generated.
func (s *Server) Ready(ctx context.Context) (Health, error) {
	return s.Until(ctx, func(h Health) bool { return h.Ready })
}
