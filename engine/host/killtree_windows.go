package host

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/windows"
)

// killTree ends a process and all that descend from it, children last, so that no parent
// that is still alive starts another one.
func killTree(pid uint32) error {
	err := kill(pid)
	children, listErr := childrenOf(pid)
	for _, child := range children {
		err = errors.Join(err, killTree(child))
	}
	return errors.Join(err, listErr)
}

func kill(pid uint32) error {
	p, err := windows.OpenProcess(windows.PROCESS_TERMINATE, false, pid)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(p)
	return windows.TerminateProcess(p, 1)
}

func childrenOf(pid uint32) ([]uint32, error) {
	all, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return nil, err
	}
	defer windows.CloseHandle(all)
	var children []uint32
	entry := windows.ProcessEntry32{Size: uint32(unsafe.Sizeof(windows.ProcessEntry32{}))}
	for err = windows.Process32First(all, &entry); err == nil; err = windows.Process32Next(all, &entry) {
		if entry.ParentProcessID == pid && entry.ProcessID != pid {
			children = append(children, entry.ProcessID)
		}
	}
	if errors.Is(err, windows.ERROR_NO_MORE_FILES) {
		err = nil
	}
	return children, err
}
