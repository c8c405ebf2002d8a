// Command hash prints the SHA-256 of a file, as a model's is taken ("tree"), or by a plain loop of read and hash ("loop").
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// piece is how much the plain loop reads at once.
const piece = 1 << 20

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "hash:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	var sum [sha256.Size]byte
	switch {
	case len(args) == 2 && args[0] == "tree":
		sum, err = tree(ctx, args[1])
	case len(args) == 2 && args[0] == "loop":
		sum, err = loop(args[1])
	default:
		err = errors.New("usage: hash tree|loop FILE")
	}
	if err != nil {
		return err
	}
	_, err = fmt.Printf("%x\n", sum)
	return err
}

func tree(ctx context.Context, name string) ([sha256.Size]byte, error) {
	h, err := host.Open(host.Options{Root: filepath.Dir(name)})
	if err != nil {
		return [sha256.Size]byte{}, err
	}
	d, err := h.Files.Digest(ctx, "/"+filepath.Base(name), nil)
	return d.SHA256, errors.Join(err, h.Close())
}

func loop(name string) (sum [sha256.Size]byte, err error) {
	file, err := os.Open(name)
	if err != nil {
		return sum, err
	}
	defer file.Close()
	h, buf := sha256.New(), make([]byte, piece)
	for {
		n, err := file.Read(buf)
		h.Write(buf[:n])
		if err == io.EOF {
			h.Sum(sum[:0])
			return sum, nil
		}
		if err != nil {
			return sum, err
		}
	}
}
