package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/agent0-converge/agent0-converge/internal/lab/llamaserver"
	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
	"github.com/agent0-converge/agent0-converge/runtime/level"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// What every engine works with: one thread, as the server, its clients and what else runs want processors too.
const (
	parallel    = 8
	perSequence = 512 // tokens of context
	batch       = 512
	cache       = "f16"
)

// servers measures the server of a model.
type servers struct {
	work     string
	programs serving.Programs
	engine   string // the build of the engine that the front takes too
	tiny     string
	rounds   int
	seed     uint64            // of the last burst
	theirs   *llamaserver.Root // nil where there is none
}

// measureServer measures in a folder below work. engines is the folder with builds of the engine.
func measureServer(ctx context.Context, ours, engines, work string) (err error) {
	n, err := number("AGENT0_BENCH_ROUNDS", rounds)
	if err != nil {
		return err
	}
	s := &servers{work: work, programs: serving.Programs{Agent: ours, Engines: engines}, rounds: n}
	if len(level.Supported()) > 0 {
		s.engine = filepath.Join(engines, level.Prefix+string(level.Supported()[0]))
	}
	if _, err := os.Stat(s.engine); errors.Is(err, fs.ErrNotExist) {
		fmt.Println("not measured: a server, as", serving.ErrCannotBuild)
		return nil
	}
	if s.tiny, err = serving.Tiny(); err != nil {
		return err
	}
	if err := os.MkdirAll(work, 0o755); err != nil {
		return err
	}
	if s.theirs, err = llamaserver.Open(ctx, filepath.Dir(s.tiny)); err != nil {
		fmt.Println("not measured: llama-server:", err)
	} else {
		defer func() { err = errors.Join(err, s.theirs.Close()) }()
	}
	for _, part := range []func(context.Context) error{s.compare, s.overhead, s.start, s.recovery} {
		if err := part(ctx); err != nil {
			return err
		}
		fmt.Println()
	}
	return nil
}

// serve starts a front in a folder of its own, with what change says, and waits until it is ready.
func (s *servers) serve(ctx context.Context, name string, change func(*spec.Runtime)) (*serving.Server, error) {
	dir := filepath.Join(s.work, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	server, err := serving.Start(s.programs, dir, func(r *spec.Runtime) {
		same(&r.Engine)
		if change != nil {
			change(r)
		}
	})
	if err != nil {
		return nil, err
	}
	if _, err := server.Ready(ctx); err != nil {
		return nil, errors.Join(err, server.Close())
	}
	return server, nil
}

// same is what every engine is told.
func same(e *spec.Engine) {
	e.Parallel, e.Context, e.CacheType, e.Threads = parallel, perSequence, cache, 1
	e.Batch, e.MicroBatch = batch, batch
}

// options make llama-server do the same, without what would cost it time here: looking how much of the model fits where, and
// keeping prompts that do not come again. attention is what it does about flash attention: by itself it uses it, as the engine does.
func (s *servers) options(attention string) []string {
	return strings.Fields(fmt.Sprintf("-t 1 -tb 1 -np %d -c %d -b %d -ub %d -ctk %s -ctv %s -fa %s -fit off -cram 0 --no-webui",
		parallel, parallel*perSequence, batch, batch, cache, cache, attention))
}

// anew is a client that asks no proxy, and has a connection for each request: llama-server closes one after some requests, which
// a client that is about to use it again takes for a failure.
func anew() *http.Client { return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} }

// next is a seed that was not there.
func (s *servers) next() uint64 {
	s.seed++
	return s.seed
}
