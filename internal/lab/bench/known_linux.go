package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// again measures what a model costs once it is here: to read all of it, and to know it without reading.
func (m *models) again() error {
	if err := m.hash(); err != nil {
		return err
	}
	fmt.Println()
	return m.known()
}

// hash measures taking the SHA-256 of a file that is in the page cache.
func (m *models) hash() error {
	f := m.served.large
	own := filepath.Join(m.own, "bench-hash")
	const plain = "plain Go"
	tools := []tool{
		{us, []string{own, "tree", f.path}},
		{plain, []string{own, "loop", f.path}},
		{openssl, []string{openssl, "dgst", "-sha256", f.path}},
		{"sha256sum", []string{"sha256sum", f.path}},
	}
	samples, err := inTurn(m.rounds, tools)
	if err != nil {
		return err
	}
	for name, ss := range samples {
		for _, s := range ss {
			if !s.says(f.sum) {
				return fmt.Errorf("%s does not say that the SHA-256 is %s: %.200s", name, f.sum, s.said)
			}
		}
	}
	out := newTable("MB", openssl, plain)
	out.add("hash", megabytes(f), tools, samples)
	return out.out.Flush()
}

// known measures an apply of a model that is there and verified, beside one of nothing.
func (m *models) known() (err error) {
	dir := filepath.Join(m.work, "known")
	clients, err := m.clients(m.served.large, dir, true)
	if err != nil {
		return err
	}
	root, nothing := filepath.Join(dir, "root"), filepath.Join(m.work, "empty.hcl")
	if err := errors.Join(os.MkdirAll(root, 0o755), os.WriteFile(nothing, nil, 0o600)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	argv := clients[0].steps[0]
	if _, err := measure(argv); err != nil {
		return err
	}
	if err := m.served.large.same(clients[0].to); err != nil {
		return err
	}
	tools := []tool{
		{us, argv},
		{noPlan, []string{m.ours, "apply", "--root", root, "--auto-approve", nothing}},
		{empty, []string{filepath.Join(m.own, "bench-empty")}},
	}
	samples, err := inTurn(m.rounds*4, tools)
	if err != nil {
		return err
	}
	out := newTable("models", noPlan)
	out.add("no-op", 1, tools, samples)
	return out.out.Flush()
}
