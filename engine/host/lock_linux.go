package host

import (
	"context"
	"io"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// lockPoll is how often a lock that is held is tried again.
const lockPoll = 50 * time.Millisecond

// Lock takes the lock of a file, which it makes if it is absent, and writes into it who
// holds it ("pid 123 apply"). It waits for another holder until ctx ends, then returns a
// LockedError that names that holder; with a ctx that has ended it tries once. The lock
// ends when the closer is closed, or the process ends.
func (f *Files) Lock(ctx context.Context, name, holder string) (io.Closer, error) {
	fd, err := f.openOrCreate("lock", name, unix.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.waitLock(ctx, fd, name); err != nil {
		unix.Close(fd)
		return nil, err
	}
	lock := &AppendFile{f, name, fd}
	if err := lock.hold(holder); err != nil {
		lock.Close()
		return nil, err
	}
	return lock, nil
}

func (f *Files) waitLock(ctx context.Context, fd int, name string) error {
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for {
		_, err := retry(func() (int, error) { return 0, unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) })
		if err != unix.EWOULDBLOCK {
			return f.explain("lock", name, err)
		}
		select {
		case <-ctx.Done():
			return &LockedError{name, holderIn(fd)}
		case <-tick.C:
		}
	}
}

func holderIn(fd int) string {
	buf := make([]byte, 256)
	n, err := unix.Pread(fd, buf, 0)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(buf[:n]))
}

// hold writes the holder over the last one's, and only then cuts off what is left of it.
func (a *AppendFile) hold(holder string) error {
	text := []byte(holder + "\n")
	err := a.do("write", func() error {
		_, err := unix.Pwrite(a.fd, text, 0)
		return err
	})
	if err != nil {
		return err
	}
	return a.Truncate(int64(len(text)))
}
