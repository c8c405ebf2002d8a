package host

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/windows"
)

// spot is a path about to be changed.
type spot struct {
	f          *Files
	path       string // inside the root, for errors and the watcher
	full, temp string
}

func (f *Files) at(verb, name string, change func(spot) error) error {
	full, err := f.r.locate(name, false)
	if err != nil {
		return named(verb, name, err)
	}
	temp := filepath.Join(filepath.Dir(full), TempName(filepath.Base(full)))
	return named(verb, name, bare(change(spot{f, name, full, temp})))
}

func (s spot) do(op string, change func() error) error { return s.f.gate.do(op, s.path, change) }

func (s spot) doTemp(op string, change func() error) error {
	return s.f.gate.do(op, filepath.Join(filepath.Dir(s.path), filepath.Base(s.temp)), change)
}

// discardTemp removes what a stopped run left.
func (s spot) discardTemp() error {
	_, err := os.Lstat(s.temp)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.doTemp("unlink", func() error { return os.Remove(s.temp) })
}

// publish gives the finished temporary its name. Windows makes a rename durable by a flag
// of its own; it has no folder to sync.
func (s spot) publish(flags uint32) error {
	err := s.do("rename", func() error {
		from, err := windows.UTF16PtrFromString(s.temp)
		if err != nil {
			return err
		}
		to, err := windows.UTF16PtrFromString(s.full)
		if err != nil {
			return err
		}
		return windows.MoveFileEx(from, to, flags|windows.MOVEFILE_WRITE_THROUGH)
	})
	if err != nil {
		_ = s.discardTemp() // the rename's failure is the news; the next run cleans up
	}
	return err
}

// WriteFrom is Write for content that is read from r.
func (f *Files) WriteFrom(name string, r io.Reader, a Attr) error {
	return f.at("write", name, func(s spot) error { return s.write(r, a) })
}

func (s spot) write(r io.Reader, a Attr) error {
	if err := a.allowed(); err != nil {
		return err
	}
	if info, err := os.Lstat(s.full); err == nil && info.IsDir() {
		return syscall.EISDIR
	}
	if err := s.discardTemp(); err != nil {
		return err
	}
	var file *os.File
	err := s.doTemp("open", func() (err error) {
		file, err = createFile(s.temp, a.Mode)
		return err
	})
	if err != nil {
		return err
	}
	err = s.fill(file, r)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		_ = s.discardTemp()
		return err
	}
	return s.publish(windows.MOVEFILE_REPLACE_EXISTING)
}

func (s spot) fill(file *os.File, r io.Reader) error {
	to := writerFunc(func(p []byte) (n int, err error) {
		err = s.doTemp("write", func() error {
			m, err := file.Write(p[n:])
			n += m
			return err
		})
		return n, err
	})
	if _, err := io.CopyBuffer(to, struct{ io.Reader }{r}, make([]byte, 256<<10)); err != nil {
		return err
	}
	return s.doTemp("fsync", file.Sync)
}

type writerFunc func([]byte) (int, error)

func (w writerFunc) Write(p []byte) (int, error) { return w(p) }

// Mkdir makes one folder with its access list from the first moment. What is there
// already, a folder too, is fs.ErrExist.
func (f *Files) Mkdir(name string, a Attr) error {
	return f.at("make directory", name, func(s spot) error {
		if err := a.allowed(); err != nil {
			return err
		}
		return s.do("mkdir", func() error { return createDir(s.full, a.Mode) })
	})
}

// Symlink makes a symbolic link that points to target, in place of a file or link that
// may be there. A link has no mode.
func (f *Files) Symlink(target, name string, a Attr) error {
	return f.at("make symlink", name, func(s spot) error {
		a.Mode = 0
		if err := a.allowed(); err != nil {
			return err
		}
		if info, err := os.Lstat(s.full); err == nil && info.IsDir() {
			return syscall.EISDIR
		}
		if err := s.discardTemp(); err != nil {
			return err
		}
		if err := s.doTemp("symlink", func() error { return os.Symlink(target, s.temp) }); err != nil {
			return err
		}
		return s.publish(windows.MOVEFILE_REPLACE_EXISTING)
	})
}

// Remove removes a file, a link or an empty folder, and what a stopped Write left of it.
// That it is absent already is no error.
func (f *Files) Remove(name string) error {
	return f.at("remove", name, func(s spot) error {
		if err := s.discardTemp(); err != nil {
			return err
		}
		info, err := os.Lstat(s.full)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		op := "unlink"
		if info.IsDir() {
			op = "rmdir"
		}
		return s.do(op, func() error { return os.Remove(s.full) })
	})
}

// Clean removes what a stopped Write or Symlink of a path left, if anything.
func (f *Files) Clean(name string) error { return f.at("clean up", name, spot.discardTemp) }

// Sync makes what a path shows durable. Names are already: renames are written through.
func (f *Files) Sync(name string) error {
	return f.at("make durable", name, func(s spot) error {
		info, err := os.Lstat(s.full)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
			return nil
		}
		if err != nil {
			return err
		}
		file, err := os.OpenFile(s.full, os.O_RDWR, 0) // flushing needs the right to write
		if err != nil {
			return err
		}
		defer file.Close()
		return s.do("fsync", file.Sync)
	})
}

// SetAttr gives a file or folder another access list: 0 that of the folder above, a mode
// of the owner alone a private one.
func (f *Files) SetAttr(name string, a Attr) error {
	return f.at("set attributes of", name, func(s spot) error {
		if err := a.allowed(); err != nil {
			return err
		}
		if _, err := os.Lstat(s.full); err != nil {
			return err
		}
		return s.do("chmod", func() error { return setSecurity(s.full, a.Mode) })
	})
}
