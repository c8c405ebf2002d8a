package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/file"
	"github.com/agent0-converge/agent0-converge/resources/gpugroup"
	"github.com/agent0-converge/agent0-converge/resources/ready"
	"github.com/agent0-converge/agent0-converge/resources/unit"
	"github.com/agent0-converge/agent0-converge/resources/user"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// The addresses of the parts that others refer to.
const (
	config     engine.Addr = "file.config"
	front      engine.Addr = "unit.front"
	engineUser engine.Addr = "user.engine"
)

// Expand declares the units and what they need. What the block refers to restarts them, but for its model: that the front takes
// up without.
func (s *Spec) Expand(inputs []engine.Addr) []engine.Declared {
	var models, others []engine.Addr
	for _, a := range inputs {
		if isModel(a) {
			models = append(models, a)
		} else {
			others = append(others, a)
		}
	}
	out := s.accounts()
	out = append(out, engine.Declared{Addr: config, Kind: file.Kind(), Spec: &file.Spec{Path: s.ConfigPath(), Mode: "0644", Content: engine.NewText(s.config())}})
	before := []engine.Addr{config, engineUser}
	if s.User == "" {
		before = append(before, "user.front")
	}
	for _, i := range instances {
		service, socket := engine.Addr("unit.engine_"+i), engine.Addr("unit.engine_socket_"+i)
		out = append(out,
			engine.Declared{Addr: service, Kind: unit.Kind(), Spec: s.engineUnit(i), Inputs: others, DependsOn: before, Check: s.installed},
			engine.Declared{Addr: socket, Kind: unit.Kind(), Spec: s.engineSocketUnit(i), DependsOn: append(slices.Clone(before), service)})
	}
	answers := s.frontUnit()
	answers.ReloadOn = append([]engine.Addr{config}, models...)
	out = append(out,
		engine.Declared{Addr: front, Kind: unit.Kind(), Spec: answers, Inputs: others, DependsOn: before, Check: s.there},
		engine.Declared{Addr: "unit.socket", Kind: unit.Kind(), Spec: s.socketUnit(), DependsOn: []engine.Addr{front}},
		engine.Declared{
			Addr: "ready.front", Kind: ready.Kind(), Spec: &ready.Spec{Unit: s.Label + ".service"},
			DependsOn: append(models, front, "unit.socket", "unit.engine_socket_a", "unit.engine_socket_b"),
		})
	for _, d := range out {
		if part, ok := d.Spec.(engine.Defaulter); ok {
			part.Default()
		}
	}
	return out
}

// isModel reports whether an address is that of a model block: "model.chat", "module.x.model.chat[0]".
func isModel(a engine.Addr) bool {
	return strings.HasPrefix(string(a), "model.") || strings.Contains(string(a), ".model.")
}

func (s *Spec) engineUser() string { return s.account() + "-engine" }

// accounts are the users: the engine's is in the group that may read the model, and has no right to the front's keys.
func (s *Spec) accounts() []engine.Declared {
	var out []engine.Declared
	dependsOn := []engine.Addr{}
	if s.User == "" {
		out = append(out, engine.Declared{Addr: "user.front", Kind: user.Kind(), Spec: &user.Spec{Label: s.account(), System: true}})
		dependsOn = append(dependsOn, "user.front")
	}
	out = append(out, engine.Declared{
		Addr: engineUser, Kind: user.Kind(), DependsOn: dependsOn,
		Spec: &user.Spec{Label: s.engineUser(), System: true, Groups: []string{s.Group}},
	})
	if s.Backends != "" {
		out = append(out, engine.Declared{
			Addr: "gpu_group.engine", Kind: gpugroup.Kind(), DependsOn: []engine.Addr{engineUser}, Spec: &gpugroup.Spec{Label: s.engineUser()},
		})
	}
	return out
}

// installed finds out whether the programs are where the units look for them.
func (s *Spec) installed(_ context.Context, v host.View) error {
	return errors.Join(s.agentThere(v), s.engineThere(v))
}

func (s *Spec) agentThere(v host.View) error {
	switch _, err := v.Files.Stat(s.Command); {
	case errors.Is(err, fs.ErrNotExist):
		return &engine.NeedError{Claim: engine.PathClaim(s.Command), Err: fmt.Errorf(
			"%s is not there: install the agent there (install -m 0755 agent0-converge %s), or say with command where it is", s.Command, s.Command)}
	case err != nil:
		return fmt.Errorf("cannot look at %s: %w", s.Command, err)
	}
	return nil
}

func (s *Spec) engineThere(v host.View) error {
	names, err := v.Files.ReadDir(s.Engines)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot look into %s: %w", s.Engines, err)
	}
	if slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(path.Base(name), spec.EnginePrefix) }) {
		return nil
	}
	return &engine.NeedError{Claim: engine.PathClaim(s.Engines), Err: fmt.Errorf(
		"there is no engine in %s: install the builds of agent0-engine there (make engine builds one), or say with engines where they are", s.Engines)}
}

// there finds out whether the model is, or will be.
func (s *Spec) there(_ context.Context, v host.View) error {
	for _, p := range splits(s.Model) {
		switch _, err := v.Files.Stat(p); {
		case errors.Is(err, fs.ErrNotExist):
			return &engine.NeedError{Claim: engine.PathClaim(p), Err: fmt.Errorf("the model %s is not there: a model block fetches it", p)}
		case err != nil:
			return fmt.Errorf("cannot look at %s: %w", p, err)
		}
	}
	return nil
}
