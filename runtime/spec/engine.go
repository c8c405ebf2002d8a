package spec

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// Engine is what an engine process works with.
type Engine struct {
	// Model are the files of the model, in the order of a split one.
	Model []string `json:"model"`
	// Context is how many tokens one sequence can have at most; 0 is what the model was trained for, or 8192 if that is
	// less.
	Context int `json:"context,omitempty"`
	// Parallel is how many sequences are computed at once.
	Parallel int `json:"parallel"`
	// Cells is how many tokens all sequences can have together; 0 is Context for each.
	Cells int `json:"cells,omitempty"`
	// Batch is how many tokens one step computes at most, MicroBatch how many at once, Chunk how many of prompts while
	// others wait for their next token.
	Batch      int `json:"batch"`
	MicroBatch int `json:"micro_batch"`
	Chunk      int `json:"chunk"`
	// Threads compute; 0 is as many as the process may use of the machine's.
	Threads int `json:"threads,omitempty"`
	// CacheType is how the KV cache is stored: f16 or q8_0.
	CacheType string `json:"cache_type"`
	// GPULayers is how many layers go to a GPU, if there is one; -1 is all.
	GPULayers int `json:"gpu_layers"`
	// Backends is the folder with libraries of backends; "" is none.
	Backends string `json:"backends,omitempty"`
	// Mlock keeps the model in memory, NoMmap reads it instead of mapping it.
	Mlock  bool `json:"mlock,omitempty"`
	NoMmap bool `json:"no_mmap,omitempty"`
	// MaxWaiting is how many requests wait at most, MaxWait how long: who would wait longer is refused.
	MaxWaiting int           `json:"max_waiting"`
	MaxWait    time.Duration `json:"max_wait_ns"`
	// Watchdog is how long a step may take; after that the engine ends itself as hung. It is never less than ten times the
	// longest step of the warm-up.
	Watchdog time.Duration `json:"watchdog_ns"`
	// Stall is how long a load may not get on where a backend's library has a part in it; after that the engine ends itself as
	// hung, and the library counts as one that an engine died with. A driver that first compiles its kernels takes minutes.
	Stall time.Duration `json:"stall_ns"`
}

// DefaultEngine is what an engine does where nothing is said.
func DefaultEngine() Engine {
	return Engine{
		Parallel: 4, Batch: 512, MicroBatch: 512, Chunk: 256, CacheType: "f16", GPULayers: -1,
		MaxWaiting: 256, MaxWait: time.Minute, Watchdog: 10 * time.Second, Stall: 20 * time.Minute,
	}
}

// Digest tells configurations apart: in hexadecimal, SHA-256 of what there is to be said of one. A front and an engine that read
// the same file have the same.
func (e *Engine) Digest() (string, error) {
	b, err := json.Marshal(e)
	if err != nil {
		return "", fmt.Errorf("cannot tell one configuration of the engine from another: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// Files tells the model's files from others at the same paths, by their sizes and times: "" where they cannot be looked at. Another
// model under the old name is another engine's work.
func (e *Engine) Files() string {
	var all []string
	for _, path := range e.Model {
		info, err := os.Stat(path)
		if err != nil {
			return "" // whoever loads them says why
		}
		all = append(all, fmt.Sprintf("%d@%d", info.Size(), info.ModTime().UnixNano()))
	}
	return strings.Join(all, " ")
}

// maxParallel is how many sequences llama.cpp can compute at once.
const maxParallel = 64

// Check reports the first field that is wrong.
func (e *Engine) Check() error {
	switch {
	case len(e.Model) == 0:
		return errors.New("model: there is none")
	case e.Parallel < 1 || e.Parallel > maxParallel:
		return fmt.Errorf("parallel: it is from 1 to %d", maxParallel)
	case e.Context < 0 || e.Cells < 0 || e.Cells > 0 && e.Cells < e.Context:
		return errors.New("cells: it is at least context")
	case e.Batch < e.Parallel || e.MicroBatch < 1 || e.Chunk < 1:
		return errors.New("batch: it is at least parallel, and micro_batch and chunk at least 1")
	case e.CacheType != "f16" && e.CacheType != "q8_0":
		return fmt.Errorf("cache_type: it is f16 or q8_0, not %q", e.CacheType)
	case e.Threads < 0 || e.MaxWaiting < 0 || e.MaxWait < 0 || e.Watchdog <= 0 || e.Stall <= 0:
		return errors.New("threads, max_waiting and max_wait are not negative, and watchdog and stall are more than 0")
	}
	return nil
}
