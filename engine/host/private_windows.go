package host

import (
	"io/fs"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// allowed refuses what Windows does not have, instead of leaving it undone.
func (a Attr) allowed() error {
	switch {
	case a.UID != -1 || a.GID != -1:
		return &reason{"Windows has no owner by number: it must be -1", syscall.EINVAL}
	case len(a.Xattrs) > 0:
		return &reason{"Windows has no extended attributes", syscall.EINVAL}
	case a.Mode&0o7077 != 0:
		return &reason{"Windows has no permission bits: only those of the owner alone have a meaning, as a private access list", syscall.EINVAL}
	}
	return nil
}

// security is what a new file or folder is made with: what the folder above hands down,
// or for a mode that allows its owner alone a list of the owner, the system and the
// administrators, as nothing else may be kept from the last two.
func security(mode fs.FileMode) (*windows.SecurityAttributes, error) {
	if mode == 0 {
		return nil, nil
	}
	sd, err := windows.SecurityDescriptorFromString("D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;OW)")
	if err != nil {
		return nil, err
	}
	sa := &windows.SecurityAttributes{SecurityDescriptor: sd}
	sa.Length = uint32(unsafe.Sizeof(*sa))
	return sa, nil
}

// createFile makes a file that was not there, with its access list from the first moment.
func createFile(full string, mode fs.FileMode) (*os.File, error) {
	sa, err := security(mode)
	if err != nil {
		return nil, err
	}
	p, err := windows.UTF16PtrFromString(full)
	if err != nil {
		return nil, err
	}
	h, err := windows.CreateFile(p, windows.GENERIC_READ|windows.GENERIC_WRITE, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE,
		sa, windows.CREATE_NEW, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(h), full), nil
}

func createDir(full string, mode fs.FileMode) error {
	sa, err := security(mode)
	if err != nil {
		return err
	}
	p, err := windows.UTF16PtrFromString(full)
	if err != nil {
		return err
	}
	return windows.CreateDirectory(p, sa)
}

// setSecurity gives what is there already the access list of security.
func setSecurity(full string, mode fs.FileMode) error {
	const unprotected = windows.DACL_SECURITY_INFORMATION | windows.UNPROTECTED_DACL_SECURITY_INFORMATION
	if mode == 0 {
		empty, err := windows.ACLFromEntries(nil, nil)
		if err != nil {
			return err
		}
		return windows.SetNamedSecurityInfo(full, windows.SE_FILE_OBJECT, unprotected, nil, nil, empty, nil)
	}
	sa, err := security(mode)
	if err != nil {
		return err
	}
	list, _, err := sa.SecurityDescriptor.DACL()
	if err != nil {
		return err
	}
	return windows.SetNamedSecurityInfo(full, windows.SE_FILE_OBJECT,
		windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, list, nil)
}
