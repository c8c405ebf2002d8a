package llamaserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"strconv"
	"time"
)

// Server is a llama-server that runs.
type Server struct {
	// URL is where it answers, once it does.
	URL  string
	cmd  *exec.Cmd
	log  *os.File
	done chan struct{}
}

// Start serves a model, named by its file in the folder of models, with more options. It does not wait for an answer.
func (r *Root) Start(model string, options ...string) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return nil, err
	}
	log, err := os.CreateTemp("", "llama-server-*.log")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(log.Name()); err != nil { // it is read by its descriptor
		return nil, errors.Join(err, log.Close())
	}
	args := append([]string{"--host", "127.0.0.1", "--port", strconv.Itoa(port), "-m", path.Join(models, model)}, options...)
	s := &Server{
		URL: fmt.Sprintf("http://127.0.0.1:%d", port), log: log, done: make(chan struct{}),
		cmd: r.command(context.Background(), args...), // Close ends it
	}
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot start llama-server: %w", err), log.Close())
	}
	go func() {
		defer close(s.done)
		s.cmd.Wait() // how it ended is in ProcessState
	}()
	return s, nil
}

// PID is its process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Ready waits until it says that it can answer.
func (s *Server) Ready(ctx context.Context) error {
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/health", nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(r)
		if err == nil {
			err = res.Body.Close()
			if err == nil && res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("llama-server is not ready: %w\n%s", errors.Join(ctx.Err(), err), s.said())
		case <-s.done:
			return fmt.Errorf("llama-server has ended with %v\n%s", s.cmd.ProcessState, s.said())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// said is the end of what it has said.
func (s *Server) said() string {
	b := make([]byte, 4096)
	info, err := s.log.Stat()
	if err != nil {
		return err.Error()
	}
	n, err := s.log.ReadAt(b[:min(info.Size(), int64(len(b)))], max(0, info.Size()-int64(len(b))))
	if err != nil {
		return err.Error()
	}
	return string(b[:n])
}

// Close kills it and waits until it is gone.
func (s *Server) Close() error {
	s.cmd.Process.Kill() // if it has not ended
	<-s.done
	return s.log.Close()
}
