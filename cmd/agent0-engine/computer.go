//go:build llama

package main

import (
	"github.com/agent0-converge/agent0-converge/runtime/llama"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
	"github.com/agent0-converge/agent0-converge/runtime/worker"
)

// computer is llama.cpp as the scheduler knows it: a model and its cache.
type computer struct {
	*llama.Model
	*llama.Context
}

func (c *computer) NewSampler(p spec.Sampling, grammar string) (worker.Sampler, error) {
	s, err := c.Model.NewSampler(p, grammar)
	if err != nil {
		return nil, err
	}
	return &sampler{s, c.Context}, nil
}

type sampler struct {
	*llama.Sampler
	context *llama.Context
}

func (s *sampler) Sample(i int, u, gate float64, top int) (spec.Prob, []spec.Prob, error) {
	return s.Sampler.Sample(s.context, i, u, gate, top)
}
