package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
)

// pause is how long a client waits before it asks again what had no answer.
const pause = 2 * time.Millisecond

// start measures how long it is from the start of a server to the first token of a request that came at once, in turn.
func (s *servers) start(ctx context.Context) (err error) {
	server, err := s.serve(ctx, "start", nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	var ours, theirs []float64
	for range 2 * s.rounds {
		took, err := oursAnew(ctx, server)
		if err != nil {
			return err
		}
		ours = append(ours, ms(took))
		if s.theirs == nil {
			continue
		}
		if took, err = s.theirsAnew(ctx); err != nil {
			return err
		}
		theirs = append(theirs, ms(took))
	}
	fmt.Printf("from the start of a server to the first token, ms, median of %d:\n", len(ours))
	fmt.Printf("  %s %s\n", us, spread(ours))
	if s.theirs != nil {
		fmt.Printf("  llama-server %s; ours is %.2f of that\n", spread(theirs), middle(ours)/middle(theirs))
	}
	return nil
}

func spread(values []float64) string {
	return fmt.Sprintf("%.0f (%.0f to %.0f)", middle(values), slices.Min(values), slices.Max(values))
}

// oursAnew ends the front, whose engine goes with it, and starts another under the same socket.
func oursAnew(ctx context.Context, server *serving.Server) (time.Duration, error) {
	if err := server.Front().Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	if _, err := server.Front().Wait(ctx); err != nil {
		return 0, err
	}
	start := time.Now()
	if err := server.StartFront(); err != nil {
		return 0, err
	}
	return firstToken(ctx, start, server.URL)
}

func (s *servers) theirsAnew(ctx context.Context) (took time.Duration, err error) {
	start := time.Now()
	server, err := s.theirs.Start(filepath.Base(s.tiny), s.options("off")...)
	if err != nil {
		return 0, err
	}
	took, err = firstToken(ctx, start, server.URL)
	return took, errors.Join(err, server.Close())
}

// firstToken asks until a token has come.
func firstToken(ctx context.Context, start time.Time, url string) (took time.Duration, err error) {
	ctx, stop := context.WithTimeout(ctx, 2*time.Minute)
	defer stop()
	c := anew()
	for {
		_, err := streamed(ctx, c, url, question{"What is a violin?", 8}, func() {
			if took == 0 {
				took = time.Since(start)
			}
		})
		if e, ok := errors.AsType[*statusError](err); took > 0 || ok && e.code != http.StatusServiceUnavailable {
			return took, err
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("there is no first token: %w", errors.Join(ctx.Err(), err))
		case <-time.After(pause):
		}
	}
}

// recovery measures how long a stream stands still whose engine is killed, beside what an engine takes to start and to load.
func (s *servers) recovery(ctx context.Context) (err error) {
	server, err := s.serve(ctx, "recovery", nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	var stood, ready, load []float64
	for i := range 2 * s.rounds {
		still, err := killed(ctx, server, prompts(s.next())[0])
		if err != nil {
			return err
		}
		up, loaded, err := s.alone(ctx, fmt.Sprintf("alone-%d", i))
		if err != nil {
			return err
		}
		stood, ready, load = append(stood, ms(still)), append(ready, ms(up)), append(load, ms(loaded))
	}
	fmt.Printf("kill -9 of the engine under a stream, ms, median of %d:\n", len(stood))
	fmt.Printf("  from the kill to the next token %s\n  an engine alone, from its start to ready %s, of which it has loaded for %s\n", spread(stood),
		spread(ready), spread(load))
	fmt.Printf("  from the kill to the next token less the load %.0f; less than 1,000 %s\n", middle(stood)-middle(load),
		holds(middle(stood)-middle(load) < 1000))
	return nil
}

// killed kills the engine once a stream has begun, and returns how long after that the stream went on: at the end of its longest
// pause, as tokens of the engine that is gone may still be under way.
func killed(ctx context.Context, server *serving.Server, prompt string) (time.Duration, error) {
	before, err := server.Ready(ctx)
	if err != nil {
		return 0, err
	}
	const all, early = 400, 20
	var arrivals []time.Time // the first is that of the kill
	var killErr error
	n := 0
	u, err := streamed(ctx, anew(), server.URL, question{prompt, all}, func() {
		if n++; n > early {
			arrivals = append(arrivals, time.Now())
		}
		if n == early {
			arrivals = append(arrivals, time.Now())
			killErr = syscall.Kill(before.Engine.PID, syscall.SIGKILL)
		}
	})
	after, healthErr := server.Health(ctx)
	if err := errors.Join(err, killErr, healthErr); err != nil {
		return 0, err
	}
	if u.Tokens != all || after.Engine.Continued != before.Engine.Continued+1 {
		return 0, fmt.Errorf("the stream had %d tokens of %d, and %d streams went on in another engine, not 1", u.Tokens, all,
			after.Engine.Continued-before.Engine.Continued)
	}
	var longest, at time.Duration
	for i := range arrivals[1:] {
		if gap := arrivals[i+1].Sub(arrivals[i]); gap > longest {
			longest, at = gap, arrivals[i+1].Sub(arrivals[0])
		}
	}
	return at, nil
}

// alone is how long an engine takes from its start until it has generated a token, and for how much of that it has loaded.
func (s *servers) alone(ctx context.Context, name string) (up, load time.Duration, err error) {
	e, err := s.engineAt(name)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, e.stop()) }()
	for { // who calls too early calls again only 50 ms later
		if _, err := os.Stat(e.socket); err == nil {
			break
		}
		select {
		case <-ctx.Done():
			return 0, 0, fmt.Errorf("the engine has no socket: %w", ctx.Err())
		case <-time.After(pause):
		}
	}
	l, err := call(ctx, e)
	if err != nil {
		return 0, 0, err
	}
	defer l.end()
	return time.Since(e.started), l.ready.Load, nil
}
