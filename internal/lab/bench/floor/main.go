// Command floor is the least that converging files can cost: it reads, hashes and compares what
// should be there, in two threads, and writes what is not. Benchmarks put it beside the product.
package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/agent0-converge/agent0-converge/internal/lab/bench/workload"
)

func main() {
	dir := os.Args[1]
	n, err := strconv.Atoi(os.Args[2])
	if err != nil {
		fail(err)
	}
	const threads = 2
	var wg sync.WaitGroup
	for t := range threads {
		wg.Go(func() {
			for i := t; i < n; i += threads {
				if err := converge(filepath.Join(dir, workload.Name(i)), workload.Content(i)); err != nil {
					fail(err)
				}
			}
		})
	}
	wg.Wait()
}

func converge(name string, want []byte) error {
	have, err := os.ReadFile(name)
	if a, b := sha256.Sum256(have), sha256.Sum256(want); err == nil && bytes.Equal(a[:], b[:]) {
		return nil
	}
	tmp := name + ".tmp"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.Write(want); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(tmp, name)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
