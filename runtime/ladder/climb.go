package ladder

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"
)

// Config is what a choice is made by.
type Config struct {
	// Backends is the folder with the libraries, "" if there is none; Layers is how many layers are wanted on a GPU: 0 asks for
	// none, -1 for all if there is a GPU.
	Backends string
	Layers   int
	// Engine is the program that will load the library: a library may suit one build and not another.
	Engine string
	// Memory is where what was found out is remembered, and Trials where an engine notes what it tries; "" is nowhere.
	Memory, Trials string
	// Probe has a library loaded and its devices tried, elsewhere. It returns what computes: "NVIDIA GeForce RTX 4090".
	Probe func(ctx context.Context, library string) (device string, err error)
	// Limit is how long one probe may take, and Total all of them.
	Limit, Total time.Duration
}

// Choice is what an engine is to compute with.
type Choice struct {
	// Library is the path of the backend's, "" for the CPU.
	Library string
	// Degraded says, in words, why not with something better.
	Degraded []string
	// Lower says that there are libraries above, which may work another time.
	Lower bool
}

// deadly is how many engines in a row may die before they are ready until their backend is left alone.
const deadly = 2

// Climb chooses the first library that proves itself, and else the CPU.
func Climb(ctx context.Context, c Config, now Now) Choice {
	all, missing := c.rungs()
	if len(all) == 0 {
		var words []string
		if missing != "" {
			words = []string{missing}
		}
		return Choice{Degraded: words}
	}
	m := recall(c.Memory, now)
	ctx, stop := context.WithTimeout(ctx, c.Total)
	defer stop()
	var choice Choice
	for _, library := range all {
		f := c.try(ctx, m, library, now)
		if f.Why == "" {
			slog.Info("the backend works", "library", library, "device", f.Device)
			choice.Library = library
			break
		}
		slog.Warn("the backend is not used", "library", library, "reason", f.Why)
		choice.Degraded = append(choice.Degraded, fmt.Sprintf("%s is not used: %s", filepath.Base(library), f.Why))
		choice.Lower = true
	}
	return choice
}

// try finds out whether a library works, or knows.
func (c *Config) try(ctx context.Context, m *memory, library string, now Now) finding {
	lib, engine := stampOf(library), stampOf(c.Engine)
	if n := trials(c.Trials, library); n >= deadly {
		f := finding{Library: lib, Engine: engine, Why: fmt.Sprintf("%d engines in a row died with it before they were ready", n), At: now.Time}
		m.keep(library, f)
		forget(c.Trials)
		return f
	}
	if f, ok := m.Found[library]; ok && f.holds(lib, engine, now.Time) {
		return f
	}
	f := finding{Library: lib, Engine: engine, At: now.Time}
	limited, stop := context.WithTimeout(ctx, c.Limit)
	defer stop()
	device, err := c.Probe(limited, library)
	end, _ := ctx.Deadline()
	own, _ := limited.Deadline()
	switch {
	case err != nil && limited.Err() != nil && !own.Before(end):
		f.Why = "there was no time left to prove it"
		return f // which says nothing about it
	case err != nil && errors.Is(limited.Err(), context.DeadlineExceeded):
		f.Why = fmt.Sprintf("it hangs: it proved nothing in %v", c.Limit)
	case err != nil:
		f.Why = err.Error()
	}
	f.Device = device
	m.keep(library, f)
	return f
}
