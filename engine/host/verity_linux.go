package host

import (
	"bytes"
	"encoding/binary"
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Verity returns the digest by which the kernel checks all that is read of the file at a path itself (fs-verity): nil
// where it checks nothing, because the file has none or its file system knows no such thing.
func (t Tree) Verity(name string) ([]byte, error) {
	f, err := t.openSelf("measure", name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	digest, err := measure(int(f.Fd()))
	switch {
	case errors.Is(err, unix.ENODATA), unknownVerity(err):
		return nil, nil
	}
	return digest, named("measure", name, err)
}

// measure fills struct fsverity_digest: the algorithm, the size of the digest, and that itself.
func measure(fd int) ([]byte, error) {
	var arg [4 + 64]byte // of SHA-512, the longest
	binary.NativeEndian.PutUint16(arg[2:], 64)
	if err := ioctl(fd, unix.FS_IOC_MEASURE_VERITY, unsafe.Pointer(&arg)); err != nil {
		return nil, err
	}
	return bytes.Clone(arg[4 : 4+binary.NativeEndian.Uint16(arg[2:])]), nil
}

// EnableVerity makes the kernel check all that is read of the file at a path against its digest, which is that of
// VerityDigest, from now on and for ever: the file cannot be written to any more, only be replaced or removed.
// Where there is no such thing it is a *NoVerityError. That the file has it already is no error.
func (f *Files) EnableVerity(name string) error {
	return f.at("enable fs-verity for", name, func(s spot) error {
		fd, err := s.openRegular(unix.O_RDONLY)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		arg := unix.FsverityEnableArg{Version: 1, Hash_algorithm: veritySHA256, Block_size: verityBlock}
		err = s.do("fsverity", s.name, func() error { return ioctl(fd, unix.FS_IOC_ENABLE_VERITY, unsafe.Pointer(&arg)) })
		return verityInWords(err)
	})
}

func verityInWords(err error) error {
	switch {
	case errors.Is(err, unix.EEXIST):
		return nil
	case unknownVerity(err):
		return &NoVerityError{"the kernel or the file system has no fs-verity (ext4 without the verity feature?)", err}
	case errors.Is(err, unix.EINVAL):
		return &NoVerityError{"fs-verity takes no blocks of 4096 bytes here", err}
	case errors.Is(err, unix.ETXTBSY):
		return &reason{"somebody has it open for writing", err}
	}
	return err
}

func unknownVerity(err error) bool {
	return errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS)
}

func ioctl(fd int, request uint, arg unsafe.Pointer) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(arg))
	if errno != 0 {
		return errno
	}
	return nil
}
