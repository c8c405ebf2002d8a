package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
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

const nginxConfig = `
daemon off;
master_process off;
pid nginx.pid;
events {}
http {
	access_log off;
	sendfile on;
	client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;
	server {
		listen %s;
		root %s;
	}
}
`

// serve makes what is served and starts the server.
func (m *models) serve(dir string) (served, error) {
	files := filepath.Join(dir, "files")
	if err := os.MkdirAll(files, 0o755); err != nil {
		return served{}, err
	}
	at, err := freePort()
	if err != nil {
		return served{}, err
	}
	var out served
	for i, to := range []*content{&out.model, &out.large} {
		name := []string{"model", "large"}[i]
		*to = content{name: name, path: filepath.Join(files, name), url: "http://" + at + "/" + name, size: m.size << i}
		if to.sum, err = fill(to.path, to.size); err != nil {
			return served{}, err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), fmt.Appendf(nil, nginxConfig, at, files), 0o600); err != nil {
		return served{}, err
	}
	out.stop, err = start(at, "nginx", "-p", dir, "-c", "nginx.conf", "-e", "error.log")
	return out, err
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

// freePort is an address of this machine that nobody listens at.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// start runs a server and returns once it listens.
func start(at string, argv ...string) (stop func() error, err error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", at)
		if err == nil {
			return func() error {
				err := cmd.Process.Signal(os.Interrupt)
				<-ended
				return err
			}, c.Close()
		}
		select {
		case err := <-ended:
			return nil, fmt.Errorf("%v: %w: %s", argv, err, &said)
		default:
		}
	}
	return nil, errors.Join(fmt.Errorf("%v does not listen at %s", argv, at), cmd.Process.Kill(), <-ended)
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
