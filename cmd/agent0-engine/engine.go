//go:build llama

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"runtime"
	"time"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
	"github.com/agent0-converge/agent0-converge/resources/model/gguf/runnable"
	"github.com/agent0-converge/agent0-converge/runtime/llama"
	"github.com/agent0-converge/agent0-converge/runtime/session"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
	"github.com/agent0-converge/agent0-converge/runtime/worker"
)

// engine loads a model and computes with it.
type engine struct {
	cfg      spec.Engine
	session  *session.Server
	watchdog *watchdog
	degraded []string
	upper    upper
	// backend and device are what computes.
	backend, device string
	// files tells those that were loaded from others.
	files string
}

// retry is how often it is looked whether a model is there that was missing.
const retry = 2 * time.Second

func (e *engine) run(ctx context.Context) error {
	if err := e.await(ctx); err != nil {
		return err
	}
	began := time.Now()
	e.session.Tell(&wire.FromEngine{Loading: &wire.Loading{Model: e.cfg.Model[0]}})
	if e.upper.library != "" {
		e.watchdog.loading()
	}
	trial, backend, device, err := e.upper.load()
	if err != nil {
		return e.failed(err)
	}
	e.backend, e.device = backend, device
	defer func() {
		if ctx.Err() != nil { // it was told to end, which is not the backend's fault
			if err := trial.End(); err != nil {
				slog.Error("cannot note that the backend is not to blame", "error", err)
			}
		}
	}()
	e.files = e.cfg.Files()
	m, err := llama.LoadModel(ctx, e.cfg.Model, llama.ModelParams{
		GPULayers: e.cfg.GPULayers, NoMmap: e.cfg.NoMmap, Mlock: e.cfg.Mlock, CPUOnly: e.upper.library == "",
		Progress: func(done float32) {
			e.watchdog.gotTo(done)
			e.session.Tell(&wire.FromEngine{Loading: &wire.Loading{Model: e.cfg.Model[0], Done: done}})
		},
	})
	if err != nil {
		return e.failed(err)
	}
	defer m.Close()
	e.fill(m.Info)
	c, err := m.NewContext(e.context())
	if err != nil {
		return e.failed(err)
	}
	defer c.Close()
	step, err := warm(m, c, e.cfg.Batch)
	if err != nil {
		return e.failed(err)
	}
	if err := trial.End(); err != nil {
		return e.failed(fmt.Errorf("cannot note that the backend works: %w", err))
	}
	e.watchdog.loaded()
	return e.answer(ctx, &computer{Model: m, Context: c}, time.Since(began), step)
}

// failed tells why there will be no model. Who started this process may start it again.
func (e *engine) failed(err error) error {
	e.session.Tell(&wire.FromEngine{Failed: err.Error()})
	return err
}

// await waits until the files of the model are there and their headers are right: C code does not see them before.
func (e *engine) await(ctx context.Context) error {
	said := ""
	for {
		err := headers(e.cfg.Model)
		if err == nil {
			return nil
		}
		if said != err.Error() {
			said = err.Error()
			slog.Error("cannot load the model yet", "error", err)
			e.session.Tell(&wire.FromEngine{Failed: said})
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(retry):
		}
	}
}

func headers(paths []string) error {
	var all []*gguf.Header
	for _, path := range paths {
		h, err := header(path)
		if err != nil {
			return err
		}
		all = append(all, h)
	}
	return gguf.CheckShards(all)
}

func header(path string) (h *gguf.Header, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the model %s is missing: agent0-converge apply fetches it", path)
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if h, err = runnable.Read(f, info.Size()); err != nil {
		return nil, fmt.Errorf("the model %s is damaged: %w", path, err)
	}
	return h, nil
}

// fill works out what the configuration leaves to the model and the machine.
func (e *engine) fill(info llama.ModelInfo) {
	c := &e.cfg
	if c.Context == 0 {
		c.Context = min(info.TrainContext, 8192)
	}
	if c.Cells == 0 {
		c.Cells = c.Context * c.Parallel
	}
	c.Context = min(c.Context, c.Cells)
	c.Batch = min(c.Batch, c.Cells)
	c.MicroBatch = min(c.MicroBatch, c.Batch)
	c.Chunk = min(c.Chunk, c.Batch)
	if c.Threads == 0 {
		c.Threads = runtime.GOMAXPROCS(0) // it knows of the control group's quota
	}
}

// shared reports whether sequences share the cells, as there are not enough for each to have the longest context. Otherwise each has
// its own: attention looks at all cells of a pool, also at those of others and of prompts that are kept for later.
func (e *engine) shared() bool { return e.cfg.Cells < e.cfg.Context*e.cfg.Parallel }

// slots is how many sequences the cache tells apart, of the 64 that llama.cpp can: those above what is computed at once keep prompts
// that may come again.
func (e *engine) slots() int {
	if e.shared() {
		return min(64, 2*e.cfg.Parallel+2)
	}
	return min(64, e.cfg.Cells/e.cfg.Context)
}

// size is the number of cells: where each sequence has its own, as many for each.
func (e *engine) size() int {
	if e.shared() {
		return e.cfg.Cells
	}
	return e.slots() * e.cfg.Context
}

func (e *engine) context() llama.ContextParams {
	kind, flash := llama.F16, llama.FlashAuto
	if e.shared() {
		flash = llama.FlashOff // in cells of all, its sums depend on what else is computed
	}
	if e.cfg.CacheType == "q8_0" {
		kind, flash = llama.Q80, llama.FlashOn // which it needs
	}
	return llama.ContextParams{
		Size: e.size(), Shared: e.shared(),
		Batch: e.cfg.Batch, MicroBatch: e.cfg.MicroBatch, Sequences: e.slots(),
		Threads: e.cfg.Threads, BatchThreads: e.cfg.Threads, KeyType: kind, ValueType: kind, FlashAttention: flash,
	}
}

// answer computes until the context ends.
func (e *engine) answer(ctx context.Context, c *computer, load, step time.Duration) error {
	info := c.Info
	chats, err := newChats(c.Model)
	if err != nil {
		// A model whose template cannot be read still completes texts.
		e.degraded = append(e.degraded, "the model's chat template cannot be used: "+err.Error())
		chats.noCalls = "the model's chat template cannot be used"
		chats.render = func(context.Context, *wire.Chat) (string, error) {
			return "", fmt.Errorf("the model's chat template cannot be used: %w", err)
		}
	}
	s := worker.New(worker.Config{
		Vocabulary: info.Vocabulary, Parallel: e.cfg.Parallel, Slots: e.slots(), Context: e.cfg.Context, Own: !e.shared(), Batch: e.cfg.Batch, Chunk: e.cfg.Chunk,
		MaxWaiting: e.cfg.MaxWaiting, MaxWait: e.cfg.MaxWait, Window: info.Window, WholeOnly: !info.PartialMemory,
	}, c, c, e.session.Emit)
	e.session.Answer(&session.Engine{Scheduler: s, Vocabulary: c, Render: chats.render}, &wire.Ready{
		Files: e.files,
		Model: wire.Model{
			Path: e.cfg.Model[0], Description: info.Description, Size: info.Size, Parameters: info.Parameters, Vocabulary: info.Vocabulary,
			Context: e.cfg.Context, Cells: c.Size(), Parallel: e.cfg.Parallel, Template: c.Template() != "", Calls: chats.calls, NoCalls: chats.noCalls, Sampling: spec.DefaultSampling(),
		},
		Backend: e.backend, Device: e.device, Load: load, Step: step, Degraded: e.degraded,
	})
	slog.Info("ready", "model", e.cfg.Model[0], "backend", e.backend, "device", e.device, "build", build, "degraded", e.degraded,
		"load", load.String(), "longest_step", step.String())
	e.watchdog.work.Store(&work{scheduler: s, limit: max(e.cfg.Watchdog, 10*step)})
	defer e.watchdog.work.Store(nil)
	return s.Run(ctx)
}

// proof is how many tokens are computed to prove that a model works.
const proof = 16

// warm computes a short prompt and a token after it: the proof that this model works here. It returns how long a full batch
// may take, at the pace of the short one when it is computed again: the first time the model comes from the disk.
func warm(m *llama.Model, c *llama.Context, full int) (time.Duration, error) {
	s, err := m.NewSampler(spec.Sampling{}, "")
	if err != nil {
		return 0, err
	}
	defer s.Close()
	batch := make([]spec.Entry, min(proof, full))
	for i := range batch {
		batch[i] = spec.Entry{Token: int32(i % m.Info.Vocabulary), Pos: int32(i)}
	}
	last := len(batch) - 1
	batch[last].Output = 1
	if err := c.Decode(batch); err != nil {
		return 0, err
	}
	c.Clear()
	began := time.Now()
	if err := c.Decode(batch); err != nil {
		return 0, err
	}
	took := time.Since(began)
	if _, _, err := s.Sample(c, last, 0, 0, -1); err != nil {
		return 0, fmt.Errorf("the model generates no token: %w", err)
	}
	if first, _ := c.TopTwo(last); math.IsNaN(float64(first)) || math.IsInf(float64(first), 0) {
		return 0, errors.New("the model computes no numbers: its weights are damaged")
	}
	c.Clear()
	return took * time.Duration(full) / time.Duration(len(batch)), nil
}
