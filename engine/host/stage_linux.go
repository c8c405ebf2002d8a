package host

import (
	"errors"
	"io"
	"sync"

	"golang.org/x/sys/unix"
)

// syncers is how many files are made durable at once: the journal of a file system commits those
// that wait together.
const syncers = 32

// MaxStaged returns how many writes may be prepared at once: each holds two files open, and half of
// what this process may have open (getrlimit(2)) is left to everything else.
func (h *Host) MaxStaged() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 1
	}
	return int(max(1, min(limit.Cur/4, 1<<20)))
}

// stagedFile is a temporary that is complete but for being durable and having its name.
type stagedFile struct {
	spot
	fd  int
	err error
}

// stage makes the temporary and keeps it, and its folder, open.
func (s spot) stage(r io.Reader, a Attr) error {
	fd, err := s.prepare(r, a)
	if err != nil {
		return err
	}
	dir, err := unix.FcntlInt(uintptr(s.dir), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return s.giveUp(errors.Join(err, unix.Close(fd)))
	}
	kept := s
	kept.dir = dir
	s.f.staged.file = &stagedFile{spot: kept, fd: fd}
	return nil
}

func (s *stagedFile) close() error {
	err := errors.Join(unix.Close(s.fd), unix.Close(s.dir))
	s.fd, s.dir = -1, -1
	return err
}

func (s *stagedFile) discard() error {
	return errors.Join(s.spot.discard(s.temp()), s.close())
}

// Publish makes all that was prepared durable and gives it its names, in order. The errors are by
// index; what failed is not published and leaves nothing behind.
func (h *Host) Publish(staged []*Staged) []error {
	var files []*stagedFile
	for _, s := range staged {
		if s.file != nil {
			files = append(files, s.file)
		}
	}
	for _, s := range files {
		// Writing begins for all before anything waits. Whether it worked the fsync will tell.
		_ = unix.SyncFileRange(s.fd, 0, 0, unix.SYNC_FILE_RANGE_WRITE)
	}
	each(files, func(s *stagedFile) {
		s.err = s.do("fsync", s.temp(), func() error { return unix.Fsync(s.fd) })
	})
	for _, s := range files {
		if s.err == nil {
			s.err = s.do("rename", s.name, func() error { return s.rename(0) })
		}
		if s.err != nil {
			s.err = s.giveUp(s.err)
		}
	}
	syncFolders(files)
	errs := make([]error, len(staged))
	for i, s := range staged {
		if f := s.file; f != nil {
			errs[i] = f.f.explain("write", f.path, errors.Join(f.err, f.close()))
		}
	}
	return errs
}

// syncFolders makes the new names durable, each folder once.
func syncFolders(files []*stagedFile) {
	type folder struct{ dev, ino uint64 }
	in := map[folder][]*stagedFile{}
	var firsts []*stagedFile
	for _, s := range files {
		if s.err != nil {
			continue
		}
		var st unix.Stat_t
		if err := unix.Fstat(s.dir, &st); err != nil {
			s.err = err
			continue
		}
		key := folder{st.Dev, st.Ino}
		if in[key] == nil {
			firsts = append(firsts, s)
		}
		in[key] = append(in[key], s)
	}
	each(firsts, func(s *stagedFile) { s.err = s.syncDir() })
	for _, others := range in {
		for _, s := range others[1:] {
			s.err = others[0].err
		}
	}
}

// each calls f for all, a few at once.
func each(files []*stagedFile, f func(*stagedFile)) {
	var wg sync.WaitGroup
	next := make(chan *stagedFile)
	for range min(syncers, len(files)) {
		wg.Go(func() {
			for s := range next {
				f(s)
			}
		})
	}
	for _, s := range files {
		next <- s
	}
	close(next)
	wg.Wait()
}
