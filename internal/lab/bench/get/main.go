// Command get is the least that a verified download can cost: one connection, one loop, one buffer, and the
// SHA-256 of what goes through it. It cannot resume, and only with -sync is the file durable.
package main

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
)

// piece is how much is read, hashed and written at once.
const piece = 1 << 20

func main() {
	durable := flag.Bool("sync", false, "make the file durable")
	flag.Parse()
	if err := run(flag.Args(), *durable); err != nil {
		fmt.Fprintln(os.Stderr, "get:", err)
		os.Exit(1)
	}
}

func run(args []string, durable bool) error {
	if len(args) != 3 {
		return errors.New("usage: get [-sync] URL FILE SHA256")
	}
	file, err := os.Create(args[1])
	if err != nil {
		return err
	}
	sum, err := get(args[0], file)
	if err == nil && sum != args[2] {
		err = fmt.Errorf("the SHA-256 is %s and not %s", sum, args[2])
	}
	if err == nil && durable {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

func get(url string, to *os.File) (sum string, err error) {
	resp, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", errors.New(resp.Status)
	}
	h, buf := sha256.New(), make([]byte, piece)
	for got := int64(0); ; {
		n, err := io.ReadFull(resp.Body, buf)
		h.Write(buf[:n])
		if _, err := to.Write(buf[:n]); err != nil {
			return "", err
		}
		if got += int64(n); got == resp.ContentLength {
			return fmt.Sprintf("%x", h.Sum(nil)), nil
		}
		if err != nil {
			return "", err
		}
	}
}
