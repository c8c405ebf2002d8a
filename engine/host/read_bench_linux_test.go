package host_test

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// BenchmarkRead compares reading a thousand small files with the bare system calls.
func BenchmarkRead(b *testing.B) {
	dir := b.TempDir()
	var names []string
	for i := range 1000 {
		names = append(names, fmt.Sprintf("/file%d", i))
		check(b, os.WriteFile(dir+names[i], []byte("some small content\n"), 0o644))
	}
	for name, files := range map[string]struct {
		*host.Files
		prefix string
	}{
		"system": {open(b, host.Options{}).Files, dir}, "rooted": {open(b, host.Options{Root: dir}).Files, ""},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				for _, n := range names {
					if _, err := files.Lstat(files.prefix + n); err != nil {
						b.Fatal(err)
					}
					if _, err := files.ReadFile(files.prefix + n); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
	b.Run("calls", func(b *testing.B) {
		buf := make([]byte, 512)
		for b.Loop() {
			for _, n := range names {
				readBare(b, dir+n, buf)
			}
		}
	})
}

func readBare(b *testing.B, name string, buf []byte) {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	check(b, err)
	var st unix.Stat_t
	check(b, unix.Fstat(fd, &st))
	_, err = unix.Read(fd, buf)
	check(b, err)
	check(b, unix.Close(fd))
}
