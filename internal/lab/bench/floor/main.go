// Command floor is the least that converging files can cost: it reads, hashes and compares what
// should be there, in two threads, and writes what is not so that a power cut cannot take it away: each
// file by itself, or all in one batch. Benchmarks put it beside the product.
package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/agent0-converge/agent0-converge/internal/lab/bench/workload"
)

// threads is how many read and write; syncers how many wait for the disk in a batch, as in the product.
const threads, syncers = 2, 32

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 4 {
		return errors.New("usage: floor each|batch DIR FILES")
	}
	n, err := strconv.Atoi(os.Args[3])
	if err != nil {
		return err
	}
	dir := os.Args[2]
	if os.Args[1] == "batch" {
		return batch(dir, n)
	}
	return parallel(threads, n, func(i int) error {
		tmp, err := stage(dir, i)
		if tmp == nil || err != nil {
			return err
		}
		return errors.Join(tmp.Sync(), tmp.Close(), publish(tmp), syncDir(dir))
	})
}

// batch makes all files durable before it gives the first its name.
func batch(dir string, n int) error {
	staged := make([]*os.File, n)
	if err := parallel(threads, n, func(i int) (err error) {
		staged[i], err = stage(dir, i)
		return err
	}); err != nil {
		return err
	}
	if err := parallel(syncers, n, func(i int) error {
		if staged[i] == nil {
			return nil
		}
		return errors.Join(staged[i].Sync(), staged[i].Close())
	}); err != nil {
		return err
	}
	for _, tmp := range staged {
		if tmp == nil {
			continue
		}
		if err := publish(tmp); err != nil {
			return err
		}
	}
	return syncDir(dir)
}

// stage writes the i-th file beside its place, unless it is as it should be.
func stage(dir string, i int) (*os.File, error) {
	name, want := filepath.Join(dir, workload.Name(i)), workload.Content(i)
	have, err := os.ReadFile(name)
	if a, b := sha256.Sum256(have), sha256.Sum256(want); err == nil && bytes.Equal(a[:], b[:]) {
		return nil, nil
	}
	tmp, err := os.OpenFile(name+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	_, err = tmp.Write(want)
	return tmp, err
}

// publish gives a temporary its name.
func publish(tmp *os.File) error {
	return os.Rename(tmp.Name(), tmp.Name()[:len(tmp.Name())-len(".tmp")])
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// parallel calls f for 0 to n-1 from some goroutines, each of which ends at its first error.
func parallel(workers, n int, f func(int) error) error {
	var wg sync.WaitGroup
	errs := make([]error, workers)
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n && errs[w] == nil; i += workers {
				errs[w] = f(i)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
