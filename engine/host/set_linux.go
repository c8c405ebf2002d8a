package host

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"
)

// Set writes value, in one piece, to a file of the kernel such as those in /proc/sys. It changes the
// file in place: that must be there, and a value that the kernel refuses is an error in words. What is
// durable must be written elsewhere too.
func (f *Files) Set(name string, value []byte) error {
	return f.at("set", name, func(s spot) error {
		return s.do("set", s.name, func() error { return inWords(s.set(value)) })
	})
}

func (s spot) set(value []byte) error {
	fd, err := s.openRegular(unix.O_WRONLY | unix.O_TRUNC)
	if err != nil {
		return err
	}
	n, err := unix.Write(fd, value)
	if err == nil && n < len(value) {
		// The rest would be a value of its own.
		err = io.ErrShortWrite
	}
	return errors.Join(err, unix.Close(fd))
}

// inWords says what the kernel means by refusing a value.
func inWords(err error) error {
	switch {
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ERANGE):
		return &reason{"the kernel does not take this value", err}
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return &reason{"the kernel does not let this process set it: it can only be read, or it belongs to the machine around a container", err}
	case errors.Is(err, unix.EBUSY):
		return &reason{"the kernel cannot set it now: what it is about is in use", err}
	}
	return err
}
