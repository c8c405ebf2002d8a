package host

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/windows"
)

// systemRoot is the root of the running system: paths with their drive.
const systemRoot = `\`

// root is where a Tree looks paths up.
type root struct {
	name string
	// digests are those of files that were hashed.
	digests digests
}

func openRoot(name string) (*root, error) {
	info, err := os.Stat(name)
	if err == nil && !info.IsDir() {
		err = syscall.ENOTDIR
	}
	return &root{name: name}, err
}

func (r *root) system() bool { return r.name == systemRoot }

func (r *root) close() error { return nil }

// clean returns the path that is looked up, or an error for one that is none.
func clean(name string) (string, error) {
	p := filepath.Clean(filepath.FromSlash(name))
	if strings.ContainsRune(name, 0) || !filepath.IsAbs(p) && !strings.HasPrefix(p, `\`) {
		return "", named("use", name, &reason{"the path is not absolute", syscall.EINVAL})
	}
	return p, nil
}

// locate returns where a path is on this system. On the running system it needs a drive.
// Under another root it has none, or C:, and no folder on the way may be a link: Windows
// has no look-up that keeps a link inside a root.
func (r *root) locate(name string, follow bool) (string, error) {
	p, err := clean(name)
	if err != nil {
		return "", err
	}
	if r.system() {
		if !filepath.IsAbs(p) {
			return "", &reason{"the path has no drive", syscall.EINVAL}
		}
		return p, nil
	}
	if drive := filepath.VolumeName(p); drive != "" && !strings.EqualFold(drive, "C:") {
		return "", &reason{"only drive C: is inside the root", syscall.EINVAL}
	}
	inside := strings.Trim(p[len(filepath.VolumeName(p)):], `\`)
	if inside == "" {
		return r.name, nil
	}
	if !filepath.IsLocal(inside) {
		return "", &reason{"Windows reserves the name", syscall.EINVAL}
	}
	return r.walk(strings.Split(inside, `\`), follow)
}

func (r *root) walk(names []string, follow bool) (string, error) {
	full := r.name
	for i, name := range names {
		full = filepath.Join(full, name)
		if i == len(names)-1 && !follow {
			break
		}
		info, err := os.Lstat(full)
		if errors.Is(err, fs.ErrNotExist) {
			return filepath.Join(append([]string{r.name}, names...)...), nil
		}
		if err != nil {
			return "", bare(err)
		}
		if info.Mode()&(fs.ModeSymlink|fs.ModeIrregular) != 0 {
			return "", &reason{"it leads through a link, which may lead out of the root", windows.ERROR_CANT_ACCESS_FILE}
		}
	}
	return full, nil
}

// bare takes from an error of package os the path outside of the root that it names.
func bare(err error) error {
	var at *fs.PathError
	var link *os.LinkError
	var call *os.SyscallError
	switch {
	case errors.As(err, &at):
		err = at.Err
	case errors.As(err, &link):
		err = link.Err
	case errors.As(err, &call):
		err = call.Err
	}
	switch {
	case errors.Is(err, windows.ERROR_SHARING_VIOLATION), errors.Is(err, windows.ERROR_USER_MAPPED_FILE):
		return &reason{"another process has it open", err}
	case errors.Is(err, windows.ERROR_WRITE_PROTECT):
		return &reason{"the file system is read-only", err}
	}
	return err
}
