package host

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// accountsLock is what lckpwdf(3) locks: the tools of shadow, systemd-sysusers and package managers
// hold it while they edit accounts.
const accountsLock = "/etc/.pwd.lock"

// LockAccounts takes the lock that everybody takes who edits the files of users and groups. The lock
// file is made if it is absent, and stays, as those others leave it. It waits until ctx ends, then
// returns a LockedError.
func (f *Files) LockAccounts(ctx context.Context) (io.Closer, error) {
	fd, err := f.openOrCreate("lock", accountsLock, unix.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	lock := &AppendFile{f, accountsLock, fd}
	if err := f.waitAccounts(ctx, fd); err != nil {
		lock.Close()
		return nil, err
	}
	return lock, nil
}

func (f *Files) waitAccounts(ctx context.Context, fd int) error {
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for {
		locked, err := f.tryAccounts(fd)
		if locked == nil || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return locked
		case <-tick.C:
		}
	}
}

// tryAccounts returns who holds the lock, nil if it is ours now. The lock belongs to the open file
// and not to the process, so that closing another descriptor of the file does not end it; those
// that processes hold stand against it.
func (f *Files) tryAccounts(fd int) (*LockedError, error) {
	err := setLock(fd, unix.F_WRLCK)
	if err == unix.EAGAIN || err == unix.EACCES {
		return &LockedError{accountsLock, ownerOf(fd)}, nil
	}
	if err != nil {
		return nil, f.explain("lock", accountsLock, err)
	}
	tool := f.toolLock()
	if tool != nil {
		err = setLock(fd, unix.F_UNLCK) // what holds the one may be waiting for the other
	}
	return tool, err
}

func setLock(fd int, how int16) error {
	_, err := retry(func() (int, error) {
		return 0, unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &unix.Flock_t{Type: how})
	})
	return err
}

// ownerOf names the process that has the lock, if it can be told.
func ownerOf(fd int) string {
	lock := &unix.Flock_t{Type: unix.F_WRLCK}
	if unix.FcntlFlock(uintptr(fd), unix.F_OFD_GETLK, lock) != nil || lock.Type == unix.F_UNLCK || lock.Pid <= 0 {
		return ""
	}
	return fmt.Sprintf("process %d", lock.Pid)
}

// toolLock finds a lock of shadow's tools beside one of the files: a file with the number of a
// process, which counts while that lives. They take it in addition, and where they work on another
// root alone.
func (f *Files) toolLock() *LockedError {
	for _, name := range []string{"/etc/passwd.lock", "/etc/group.lock", "/etc/shadow.lock", "/etc/gshadow.lock"} {
		b, err := f.ReadFile(name)
		if err != nil {
			continue // none, most likely; what is no lock file is nobody's lock
		}
		pid, err := strconv.Atoi(strings.Trim(string(b), "\x00 \n"))
		if err != nil || pid <= 0 || unix.Kill(pid, 0) == unix.ESRCH {
			continue
		}
		return &LockedError{name, fmt.Sprintf("process %d", pid)}
	}
	return nil
}
