package trace

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// place is a file as the tracee named it. path is absolute, free of symlinks and what we report;
// via is a path by which this process reaches the same file even if it has no name.
type place struct{ path, via string }

// lookup walks paths as the kernel would for a traced thread. The thread is stopped meanwhile.
type lookup struct {
	tid    int
	root   string // no path leads above it
	follow bool   // whether a symlink at the end is followed
}

// fdPlace is the file behind a descriptor of the thread.
func fdPlace(tid, fd int) (place, error) {
	via := fmt.Sprintf("/proc/%d/fd/%d", tid, fd)
	path, err := os.Readlink(via)
	if err != nil {
		return place{}, err
	}
	return place{path: unmarkDeleted(path, via), via: via}, nil
}

// unmarkDeleted takes off what the kernel appends to the name of a file that has none any more.
func unmarkDeleted(path, via string) string {
	bare, marked := strings.CutSuffix(path, " (deleted)")
	if !marked {
		return path
	}
	if _, err := os.Lstat(path); err == nil {
		return path // it is really called that
	}
	return bare
}

// walk resolves path from the directory start. What does not exist is taken as written, as the
// call will create it or fail.
func (l lookup) walk(start, path string) place {
	cur, todo := start, strings.Split(path, "/")
	if strings.HasPrefix(path, "/") {
		cur = l.root
	}
	for links := 0; len(todo) > 0; {
		name := todo[0]
		todo = todo[1:]
		if name == "" || name == "." {
			continue
		}
		if name == ".." {
			cur = l.parent(cur)
			continue
		}
		next := filepath.Join(cur, l.self(cur, name))
		target, err := os.Readlink(next)
		if last := strings.Trim(strings.Join(todo, ""), "/") == ""; err != nil || last && !l.follow {
			cur = next
			continue
		}
		if links++; links > 40 {
			return place{path: next, via: next} // ELOOP awaits the caller
		}
		if magic(next) {
			cur = unmarkDeleted(target, next)
			if len(todo) == 0 {
				return place{path: cur, via: next}
			}
			continue
		}
		if strings.HasPrefix(target, "/") {
			cur = l.root
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	return place{path: cur, via: cur}
}

func (l lookup) parent(dir string) string {
	if dir == l.root {
		return dir
	}
	return filepath.Dir(dir)
}

// self makes /proc/self mean the tracee and not us.
func (l lookup) self(dir, name string) string {
	switch {
	case dir == "/proc" && name == "self":
		return strconv.Itoa(l.tid)
	case dir == "/proc" && name == "thread-self":
		return fmt.Sprintf("%d/task/%d", l.tid, l.tid)
	}
	return name
}

// magic reports whether path is a link in /proc that leads to a file and not to a name.
func magic(path string) bool {
	rest, ok := strings.CutPrefix(path, "/proc/")
	if !ok || !strings.ContainsRune(rest, '/') {
		return false
	}
	pid, _, _ := strings.Cut(rest, "/")
	_, err := strconv.Atoi(pid)
	return err == nil
}

// start is the directory from which a call with this dirfd walks.
func (l lookup) start(dirfd int) (place, error) {
	if dirfd != unix.AT_FDCWD {
		return fdPlace(l.tid, dirfd)
	}
	via := fmt.Sprintf("/proc/%d/cwd", l.tid)
	path, err := os.Readlink(via)
	return place{path: path, via: path}, err
}

// rootOf is the thread's root directory, another than ours after a chroot.
func rootOf(tid int) string {
	root, err := os.Readlink(fmt.Sprintf("/proc/%d/root", tid))
	if err != nil {
		return "/"
	}
	return root
}

// under reports whether path is at or below one of the prefixes, or there are none.
func under(prefixes []string, path string) bool {
	for _, p := range prefixes {
		if path == p || strings.HasPrefix(path, strings.TrimSuffix(p, "/")+"/") {
			return true
		}
	}
	return len(prefixes) == 0
}
