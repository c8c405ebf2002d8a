package host_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

func digestOf(content string) [sha256.Size]byte { return sha256.Sum256([]byte(content)) }

// counted digests and counts how often it is told of bytes that were read: not at all where the digest was known.
func counted(t *testing.T, tree host.Tree, name string) (host.Digest, int) {
	t.Helper()
	told := 0
	d, err := tree.Digest(t.Context(), name, func(int64, int64) { told++ })
	check(t, err)
	return d, told
}

// inFolder is a host whose root is a folder.
func inFolder(t *testing.T) (*host.Host, string) {
	t.Helper()
	root := t.TempDir()
	return open(t, host.Options{Root: root}), root
}

func TestDigest(t *testing.T) {
	h, root := inFolder(t)
	const piece = 1 << 20
	for _, size := range []int{0, 1, 4096, piece - 1, piece, piece + 1, 3*piece + 5} {
		content := strings.Repeat("0123456789abcdef", size/16+1)[:size]
		check(t, os.WriteFile(filepath.Join(root, "x"), []byte(content), 0o644))
		var told []int64
		d, err := h.Files.Digest(t.Context(), "/x", func(done, of int64) {
			if of != int64(size) {
				t.Errorf("told of %d bytes, there are %d", of, size)
			}
			told = append(told, done)
		})
		if err != nil || d.SHA256 != digestOf(content) {
			t.Errorf("%d bytes: %x, %v", size, d.SHA256, err)
		}
		if !slices.IsSorted(told) || size > 0 && (len(told) == 0 || told[len(told)-1] != int64(size)) {
			t.Errorf("%d bytes: told %v", size, told)
		}
		if info, err := h.Files.Lstat("/x"); err != nil || d.Info != info {
			t.Errorf("%d bytes: %+v, the file is %+v, %v", size, d.Info, info, err)
		}
	}
}

func TestDigestIsOfAFileAlone(t *testing.T) {
	h, root := inFolder(t)
	check(t, os.Mkdir(filepath.Join(root, "folder"), 0o755))
	for name, want := range map[string]string{"/folder": "cannot hash /folder", "/none": "/none", "relative": "not absolute"} {
		if _, err := h.Files.Digest(t.Context(), name, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := h.Files.Digest(t.Context(), "/none", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestDigestIsRemembered for as long as the file is the same, by all views of a host and by no other host.
func TestDigestIsRemembered(t *testing.T) {
	h, root := inFolder(t)
	name := filepath.Join(root, "x")
	check(t, os.WriteFile(name, []byte("one"), 0o644))
	first, told := counted(t, h.Files.Tree, "/x")
	if told == 0 || first.SHA256 != digestOf("one") {
		t.Fatalf("%+v, told %d times", first, told)
	}
	for what, tree := range map[string]host.Tree{"again": h.Files.Tree, "a view": h.View().Files, "a pass": h.View().Pass(nil).Files} {
		if d, told := counted(t, tree, "/x"); d != first || told != 0 {
			t.Errorf("%s: %+v, told %d times", what, d, told)
		}
	}
	if d, told := counted(t, open(t, host.Options{Root: root}).Files.Tree, "/x"); d != first || told == 0 {
		t.Errorf("another host: %+v, told %d times", d, told)
	}
	check(t, os.WriteFile(name, []byte("two"), 0o644))
	check(t, os.Chtimes(name, first.ModTime, first.ModTime)) // as if it were the old one
	if d, told := counted(t, h.Files.Tree, "/x"); d.SHA256 != digestOf("two") || told == 0 {
		t.Errorf("when it has changed: %+v, told %d times", d, told)
	}
	check(t, os.WriteFile(name+"new", []byte("three"), 0o644))
	check(t, os.Rename(name+"new", name))
	if d, told := counted(t, h.Files.Tree, "/x"); d.SHA256 != digestOf("three") || told == 0 {
		t.Errorf("when it was replaced: %+v, told %d times", d, told)
	}
}

const large = 64 << 20

// largeFile is a host with a file that takes more than one look.
func largeFile(t *testing.T) (h *host.Host, name string, sum [sha256.Size]byte) {
	t.Helper()
	h, root := inFolder(t)
	content := strings.Repeat("0123456789abcdef", large/16)
	name = filepath.Join(root, "x")
	check(t, os.WriteFile(name, []byte(content), 0o644))
	return h, name, digestOf(content)
}

// bytesRead is how many bytes this process has read (proc_pid_io(5)).
func bytesRead(t *testing.T) (n int64) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Skipf("needs a kernel that counts what is read: %v", err)
	}
	_, err = fmt.Sscanf(string(b), "rchar: %d", &n)
	check(t, err)
	return n
}

// TestDigestsAtOnce: of several who want the same digest one reads the file. Who reads does not go on before another
// waits, and is told of bytes up to all of them.
func TestDigestsAtOnce(t *testing.T) {
	h, _, want := largeFile(t)
	before := bytesRead(t)
	var readers atomic.Int64
	waits := make(chan struct{})
	var once sync.Once
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			var read int64
			mine := false
			d, err := h.View().Files.Digest(t.Context(), "/x", func(done, _ int64) {
				if !mine && done == 1<<20 && readers.CompareAndSwap(0, 1) {
					mine = true
					<-waits
				} else if !mine {
					once.Do(func() { close(waits) })
				}
				read = done
			})
			if err != nil || d.SHA256 != want {
				t.Errorf("%x, %v", d.SHA256, err)
			}
			if mine && read != large {
				t.Errorf("who reads was told of %d bytes", read)
			}
		})
	}
	all.Wait()
	if n := bytesRead(t) - before; readers.Load() != 1 || n < large || n >= 2*large {
		t.Errorf("%d bytes were read of %d", n, large)
	}
}

// TestDigestOutlivesWhoReads: when the one who reads is not wanted any more, one who waits reads.
func TestDigestOutlivesWhoReads(t *testing.T) {
	h, _, want := largeFile(t)
	ctx, cancel := context.WithCancel(t.Context())
	reads, waits := make(chan struct{}), make(chan struct{})
	var first sync.WaitGroup
	first.Go(func() {
		_, err := h.Files.Digest(ctx, "/x", func(done, _ int64) {
			if done == 1<<20 {
				close(reads)
				<-waits
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("who is not wanted: %v", err)
		}
	})
	<-reads
	impatient, leave := context.WithCancel(t.Context())
	if _, err := h.Files.Digest(impatient, "/x", func(int64, int64) { leave() }); !errors.Is(err, context.Canceled) {
		t.Errorf("who does not want to wait: %v", err)
	}
	var once sync.Once
	d, err := h.Files.Digest(t.Context(), "/x", func(int64, int64) { once.Do(func() { close(waits) }) })
	if err != nil || d.SHA256 != want {
		t.Errorf("who waits: %x, %v", d.SHA256, err)
	}
	first.Wait()
	leave()
}

func TestDigestOfWhatChanges(t *testing.T) {
	h, name, _ := largeFile(t)
	info, err := os.Stat(name)
	check(t, err)
	for what, change := range map[string]func() error{
		"grows":   func() error { return appendTo(name, "x") },
		"shrinks": func() error { return os.Truncate(name, large/2) },
		"other bytes at the old time": func() error {
			file, err := os.OpenFile(name, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = file.WriteAt([]byte("x"), 5)
			return errors.Join(err, file.Close(), os.Chtimes(name, info.ModTime(), info.ModTime()))
		},
	} {
		check(t, os.Truncate(name, large))
		_, err := h.Files.Digest(t.Context(), "/x", func(done, _ int64) {
			if done == 1<<20 {
				check(t, change())
			}
		})
		if !errors.Is(err, host.ErrChanged) || !strings.Contains(err.Error(), "cannot hash /x: it was changed") {
			t.Errorf("%s: %v", what, err)
		}
		if d, told := counted(t, h.Files.Tree, "/x"); told == 0 {
			t.Errorf("%s: %x was remembered", what, d.SHA256)
		}
	}
}

func appendTo(name, content string) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(content)
	return errors.Join(err, file.Close())
}

func TestDigestFollowsNoLink(t *testing.T) {
	inBothRoots(t, func(t *testing.T, f *host.Files, dir, real string) {
		check(t, os.WriteFile(real+"/x", []byte("0"), 0o644))
		check(t, os.Symlink(dir+"/x", real+"/link"))
		check(t, unix.Mkfifo(real+"/fifo", 0o644))
		for name, want := range map[string]string{"/link": "symlink, not a file", "/fifo": "special file, not a file", "": "is a directory"} {
			if _, err := f.Digest(t.Context(), dir+name, nil); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if d, err := f.Digest(t.Context(), dir+"/x", nil); err != nil || d.SHA256 != digestOf("0") {
			t.Errorf("%+v, %v", d, err)
		}
	})
}

// TestDigestOfWhatHasNoSize: the files of /proc are longer than they say.
func TestDigestOfWhatHasNoSize(t *testing.T) {
	if _, err := open(t, host.Options{}).Files.Digest(t.Context(), "/proc/self/status", nil); !errors.Is(err, host.ErrChanged) {
		t.Error(err)
	}
}

// TestDigestOfManyTakesNoDescriptors counts them before and after.
func TestDigestOfManyTakesNoDescriptors(t *testing.T) {
	h, root := inFolder(t)
	check(t, os.WriteFile(root+"/x", []byte("0"), 0o644))
	before := openFDs(t)
	for range 20 {
		_, err := h.Files.Digest(t.Context(), "/x", nil)
		check(t, err)
		_, err = h.Files.Settle(t.Context(), "/x")
		check(t, err)
		_, err = h.Files.Space("/x/none")
		check(t, err)
		_, err = h.Files.Verity("/x")
		check(t, err)
	}
	if after := openFDs(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}
