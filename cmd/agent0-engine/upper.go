//go:build llama

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/agent0-converge/agent0-converge/runtime/ladder"
	"github.com/agent0-converge/agent0-converge/runtime/llama"
)

// upper is a backend above the CPU.
type upper struct {
	// library is the path of its library; "" is the CPU.
	library string
	// trials is where its use is noted until a token was generated.
	trials string
	// lower says that there are better ones, which did not work.
	lower bool
}

// load notes that the backend is being tried and loads it. It returns what computes then: a backend and its devices.
func (u *upper) load() (trial *ladder.Trial, backend, device string, err error) {
	if u.library == "" {
		return &ladder.Trial{}, "CPU", "CPU", nil
	}
	trial, err = ladder.Begin(u.trials, u.library)
	if err != nil {
		return nil, "", "", fmt.Errorf("cannot note that %s is tried: %w", u.library, err)
	}
	all, err := gpus(u.library)
	if err != nil {
		return nil, "", "", fmt.Errorf("cannot use %s: %w", u.library, err)
	}
	return trial, all[0].Backend, described(all), nil
}

// gpus loads a library and returns its devices: at least one.
func gpus(library string) ([]llama.Device, error) {
	if err := llama.LoadBackend(library); err != nil {
		return nil, err
	}
	var all []llama.Device
	for _, d := range llama.Devices() {
		if d.GPU {
			all = append(all, d)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("no device was found")
	}
	return all, nil
}

// described names devices: "CUDA0 (NVIDIA GeForce RTX 4090)".
func described(all []llama.Device) string {
	names := make([]string, len(all))
	for i, d := range all {
		names[i] = fmt.Sprintf("%s (%s)", d.Name, d.Description)
	}
	return strings.Join(names, ", ")
}

// prove tries a library and writes what came of it.
func prove(library string) error {
	device, err := tried(library)
	p := ladder.Proof{Device: device}
	if err != nil {
		p.Error = err.Error()
	}
	return json.NewEncoder(os.Stdout).Encode(p)
}

func tried(library string) (device string, err error) {
	all, err := gpus(library)
	if err != nil {
		return "", err
	}
	for _, d := range all {
		if err := d.Prove(); err != nil {
			return "", err
		}
	}
	return described(all), nil
}
