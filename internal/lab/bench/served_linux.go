package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/agent0-converge/agent0-converge/internal/lab/daemon"
)

// served is what a server of the lab's own has for all clients: nginx, one process, sendfile.
type served struct {
	model, large content
	stop         func() error
}

// content is a file to get.
type content struct {
	name, path, url, sum string
	size                 int64
}

// serve makes what is served and starts the server.
func (m *models) serve(dir string) (served, error) {
	files := filepath.Join(dir, "files")
	if err := os.MkdirAll(files, 0o755); err != nil {
		return served{}, err
	}
	var out served
	for i, to := range []*content{&out.model, &out.large} {
		name := []string{"model", "large"}[i]
		*to = content{name: name, path: filepath.Join(files, name), size: m.size << i}
		var err error
		if to.sum, err = fill(to.path, to.size); err != nil {
			return served{}, err
		}
	}
	nginx, at, err := daemon.Nginx(dir, "sendfile on;")
	if err != nil {
		return served{}, err
	}
	out.stop = nginx.Close
	out.model.url, out.large.url = "http://"+at+"/model", "http://"+at+"/large"
	return out, nil
}

// fill writes random bytes, and leaves them in the page cache.
func fill(name string, size int64) (sum string, err error) {
	file, err := os.Create(name)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.CopyN(io.MultiWriter(file, h), rand.NewChaCha8([32]byte{1}), size)
	return fmt.Sprintf("%x", h.Sum(nil)), errors.Join(err, file.Sync(), file.Close())
}

// same fails unless a file has this content: a tool that did nothing would be fast.
func (f content) same(name string) error {
	want, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer want.Close()
	have, err := os.Open(name)
	if err != nil {
		return err
	}
	defer have.Close()
	a, b := make([]byte, 1<<20), make([]byte, 1<<20)
	for {
		n, err := io.ReadFull(want, a)
		m, hasErr := io.ReadFull(have, b)
		if err != hasErr || !bytes.Equal(a[:n], b[:m]) {
			return fmt.Errorf("%s does not hold what it should", name)
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
