// Command probe is what a machine of the lab runs where a test needs a program: an HTTP server to be
// converged, a client to ask it, and a list of what is on the machine.
//
//	probe serve ADDRESS        serves /env/NAME, /eat (memory without end) and /spin (a second of CPU time)
//	probe get URL              prints what is there, and waits for it to be; of a failure also the status
//	probe post URL JSON        prints what is answered, likewise, to who has the key in PROBE_KEY
//	probe tree [PATH]...       prints every file of the root's file system but those below PATH
//	probe notify               tells systemd that it is ready, and waits
package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "serve":
		return serve(args[1])
	case len(args) == 2 && args[0] == "get":
		return get(args[1], "")
	case len(args) == 3 && args[0] == "post":
		return get(args[1], args[2])
	case len(args) > 0 && args[0] == "tree":
		return tree(args[1:])
	case len(args) == 1 && args[0] == "notify":
		return notify()
	}
	return errors.New("usage: probe serve ADDRESS | get URL | post URL JSON | tree [PATH]... | notify")
}

func serve(address string) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /env/{name}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, os.Getenv(r.PathValue("name")))
	})
	mux.HandleFunc("GET /eat", func(http.ResponseWriter, *http.Request) {
		for all := [][]byte{}; ; {
			all = append(all, bytes.Repeat([]byte{1}, 1<<20))
			runtime.KeepAlive(all)
		}
	})
	mux.HandleFunc("GET /spin", func(w http.ResponseWriter, _ *http.Request) {
		var began, now syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &began) // it cannot fail for this process
		for now = began; now.Utime.Nano()-began.Utime.Nano() < int64(time.Second); {
			_ = syscall.Getrusage(syscall.RUSAGE_SELF, &now)
		}
		fmt.Fprint(w, "done")
	})
	return http.ListenAndServe(address, mux)
}

// getLimit is how long a server may take to come up on a busy machine.
const getLimit = time.Minute

// get asks with GET, or with POST where there is something to send.
func get(url, body string) error {
	deadline := time.Now().Add(getLimit)
	for {
		res, err := ask(url, body)
		if err != nil {
			if errors.Is(err, syscall.ECONNREFUSED) && time.Now().Before(deadline) {
				time.Sleep(20 * time.Millisecond)
				continue
			}
			return err
		}
		if res.StatusCode >= 400 {
			fmt.Fprintln(os.Stderr, res.Status)
		}
		_, err = io.Copy(os.Stdout, res.Body)
		return errors.Join(err, res.Body.Close())
	}
}

func ask(url, body string) (*http.Response, error) {
	if body == "" {
		return http.Get(url)
	}
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	if key := os.Getenv("PROBE_KEY"); key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	return http.DefaultClient.Do(r)
}

// tree prints what a person would call the same machine: kinds, owners, modes and contents.
func tree(but []string) error {
	var root syscall.Stat_t
	if err := syscall.Stat("/", &root); err != nil {
		return err
	}
	return filepath.WalkDir("/", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st syscall.Stat_t
		if err := syscall.Lstat(name, &st); err != nil {
			return err
		}
		if slices.Contains(but, name) || d.IsDir() && mounted(name) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		text, err := content(name, d)
		if err != nil {
			return err
		}
		fmt.Printf("%s %v %d:%d %s\n", name, fs.FileMode(st.Mode&0o7777), st.Uid, st.Gid, text)
		return nil
	})
}

// mounted reports folders in which another file system begins.
func mounted(name string) bool {
	return slices.Contains([]string{"/proc", "/sys", "/dev", "/run", "/tmp"}, name)
}

func content(name string, d fs.DirEntry) (string, error) {
	switch {
	case d.IsDir():
		return "directory", nil
	case d.Type()&fs.ModeSymlink != 0:
		target, err := os.Readlink(name)
		return "-> " + target, err
	case !d.Type().IsRegular():
		return d.Type().String(), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return fmt.Sprintf("%x", h.Sum(nil)[:8]), err
}

func notify() error {
	conn, err := net.Dial("unixgram", os.Getenv("NOTIFY_SOCKET"))
	if err != nil {
		return err
	}
	if _, err := conn.Write([]byte("READY=1")); err != nil {
		return err
	}
	select {}
}
