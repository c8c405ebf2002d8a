package trace

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The kinds of stop that PTRACE_GET_SYSCALL_INFO tells apart.
const (
	stopEntry = 1
	stopExit  = 2
)

// syscallInfo is struct ptrace_syscall_info. In an exit stop words[0] is the result, in an entry
// stop the words are the call's number and its arguments.
type syscallInfo struct {
	op      uint8
	_       [3]uint8
	arch    uint32
	ip, sp  uint64
	words   [7]uint64
	retData uint64
}

func getSyscallInfo(tid int) (syscallInfo, error) {
	var info syscallInfo
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_GET_SYSCALL_INFO, uintptr(tid),
		unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	if errno != 0 {
		return info, errno
	}
	return info, nil
}

// readMemory copies n bytes of a traced thread's memory.
func readMemory(tid int, addr uint64, n int) ([]byte, error) {
	b := make([]byte, n)
	for done := 0; done < n; {
		local := []unix.Iovec{{Base: &b[done]}}
		local[0].SetLen(n - done)
		remote := []unix.RemoteIovec{{Base: uintptr(addr) + uintptr(done), Len: n - done}}
		got, err := unix.ProcessVMReadv(tid, local, remote, 0)
		if err == nil && got == 0 {
			err = unix.EFAULT
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read memory of thread %d: %w", tid, err)
		}
		done += got
	}
	return b, nil
}

// readString copies a NUL-terminated string, page by page so as not to run into an unmapped one.
func readString(tid int, addr uint64) (string, error) {
	const page, most = 4096, 1 << 16
	var s []byte
	for len(s) < most {
		at := addr + uint64(len(s))
		b, err := readMemory(tid, at, int(page-at%page))
		if err != nil {
			return "", err
		}
		if i := bytes.IndexByte(b, 0); i >= 0 {
			return string(append(s, b[:i]...)), nil
		}
		s = append(s, b...)
	}
	return "", unix.ENAMETOOLONG
}

// readVector copies the data of an array of struct iovec.
func readVector(tid int, addr uint64, count int) ([]byte, error) {
	if count < 0 || count > 1024 {
		return nil, unix.EINVAL
	}
	iovs, err := readMemory(tid, addr, 16*count)
	if err != nil {
		return nil, err
	}
	var data []byte
	for i := range count {
		base := binary.NativeEndian.Uint64(iovs[16*i:])
		n := binary.NativeEndian.Uint64(iovs[16*i+8:])
		b, err := readMemory(tid, base, int(n))
		if err != nil {
			return nil, err
		}
		data = append(data, b...)
	}
	return data, nil
}
