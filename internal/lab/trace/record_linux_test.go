package trace

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestRecordedEffects(t *testing.T) {
	dir := realDir(t)
	res := run(t, program("steps", dir), Options{Under: []string{dir}, Record: true})
	var got []string
	for _, e := range res.Events {
		switch e.Op {
		case OpWrite, OpCopy:
			got = append(got, fmt.Sprintf("%s %d %q", e.Call, e.Offset, e.Data))
		case OpTruncate:
			got = append(got, fmt.Sprintf("%s %d", e.Call, e.Size))
		}
	}
	want := []string{
		`write 0 "hello "`, `pwrite64 6 "world"`, `writev 6 "Wide"`, `pwritev 20 "at 20"`, `pwritev2 25 "end"`,
		`copy_file_range 0 "hello Wi"`, `sendfile 8 "hell"`, `ftruncate 3`, `truncate 5`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("want %q\ngot  %q", want, got)
	}
	f, g := res.Events[0], res.Events[7]
	if !f.Created || f.Mode != unix.S_IFREG|0o600 || f.Node == g.Node {
		t.Errorf("want two new files, got %+v and %+v", f, g)
	}
	for _, e := range res.Events {
		if e.Call == "fchmod" && (e.Node != f.Node || e.Path != dir+"/g" || e.Mode != unix.S_IFREG|0o640) {
			t.Errorf("want f under its new name, got %+v", e)
		}
		if e.Call == "fsetxattr" && (e.Attr != "user.b" || string(e.Value) != "2") {
			t.Errorf("want the attribute, got %+v", e)
		}
	}
}

// lookupsProgram names files in all the ways there are.
func lookupsProgram(dir string) error {
	if err := unix.Chdir(dir); err != nil {
		return err
	}
	fd, err := unix.Open("real", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	for _, f := range []func() error{
		func() error { return unix.Mkdir("link/1", 0o755) },
		func() error { return unix.Mkdirat(fd, "../real/./2", 0o755) },
		func() error { return unix.Chmod("up", 0o700) },
		func() error { return discard(unix.Open("dangling", unix.O_CREAT|unix.O_WRONLY, 0o600)) },
		func() error { return unix.Unlink("link") },
		func() error {
			how := unix.OpenHow{Flags: unix.O_CREAT | unix.O_WRONLY, Mode: 0o600, Resolve: unix.RESOLVE_IN_ROOT}
			return discard(unix.Openat2(fd, "/../abs/in", &how))
		},
		func() error {
			tmp, err := unix.Open("real", unix.O_TMPFILE|unix.O_WRONLY, 0o600)
			if err != nil {
				return err
			}
			from := fmt.Sprintf("/proc/self/fd/%d", tmp)
			if err := unix.Chmod(from, 0o644); err != nil {
				return err
			}
			return unix.Linkat(unix.AT_FDCWD, from, fd, "linked", unix.AT_SYMLINK_FOLLOW)
		},
		func() error { return unix.Setxattr(fmt.Sprintf("/proc/self/fd/%d", fd), "user.x", nil, 0) },
	} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

func TestPathsAreResolvedAsTheKernelDoes(t *testing.T) {
	dir := realDir(t)
	for _, err := range []error{
		unix.Mkdir(dir+"/real", 0o755), unix.Mkdir(dir+"/real/sub", 0o755), unix.Symlink("real", dir+"/link"),
		unix.Symlink(dir+"/link/..", dir+"/up"), unix.Symlink("real/fresh", dir+"/dangling"),
		unix.Symlink("/sub", dir+"/real/abs"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	res := run(t, program("lookups", dir), Options{Under: []string{dir}, Record: true})
	var got []string
	var tmp Node
	for _, e := range res.Events {
		path := e.Path
		if e.Unnamed {
			tmp = e.Node
		}
		if strings.Contains(path, "/#") {
			path = filepath.Dir(path) + "/unnamed"
		}
		if e.Op == OpLink {
			if e.Node != tmp || tmp == 0 {
				t.Errorf("want the unnamed file linked, got %+v", e)
			}
			path = e.To
		}
		got = append(got, string(e.Op)+" "+strings.TrimPrefix(path, dir))
	}
	want := []string{"mkdir /real/1", "mkdir /real/2", "chmod ", "open /real/fresh", "unlink /link",
		"open /real/sub/in", "open /real/unnamed", "chmod /real/unnamed", "link /real/linked", "setxattr /real"}
	if !slices.Equal(got, want) {
		t.Errorf("want %q\ngot  %q", want, got)
	}
}

// againProgram makes a file, removes it and makes another, which may get the same inode number.
func againProgram(dir string) error {
	name := filepath.Join(dir, "f")
	for range 2 {
		fd, err := unix.Open(name, unix.O_CREAT|unix.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		if err := errors.Join(unix.Close(fd), unix.Unlink(name)); err != nil {
			return err
		}
	}
	return nil
}

func TestAnotherFileIsAnotherNode(t *testing.T) {
	dir := realDir(t)
	e := run(t, program("again", dir), Options{Under: []string{dir}, Record: true}).Events
	if len(e) != 4 || e[0].Node != e[1].Node || e[2].Node != e[3].Node || e[0].Node == e[2].Node {
		t.Errorf("want two files, each made and removed, got %+v", e)
	}
}
