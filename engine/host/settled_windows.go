package host

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/windows"
)

// coarse is a time that the clock by which Windows stamps files, whose tick is 15.6 ms, has certainly shown.
func coarse() time.Time { return time.Now().Add(-16 * time.Millisecond) }

// distant reports whether the times of a path are of another machine's clock.
func (t Tree) distant(name string) (bool, error) {
	return located(t, "look at", name, false, func(full string) (bool, error) {
		_, err := os.Lstat(full)
		return distantPath(full), err
	})
}

func distant(f *os.File) bool { return distantPath(f.Name()) }

func distantPath(full string) bool {
	drive, err := windows.UTF16PtrFromString(filepath.VolumeName(full) + `\`)
	return err != nil || strings.HasPrefix(full, `\\`) || windows.GetDriveType(drive) == windows.DRIVE_REMOTE
}

// changeTime is when content or attributes last changed, or what is given where the file system does not tell.
// FILE_BASIC_INFO has four times, the last of which it is.
func changeTime(h windows.Handle, otherwise time.Time) time.Time {
	var basic [40]byte
	err := windows.GetFileInformationByHandleEx(h, windows.FileBasicInfo, &basic[0], uint32(len(basic)))
	ticks := binary.LittleEndian.Uint64(basic[24:])
	if err != nil || ticks == 0 {
		return otherwise
	}
	ft := syscall.Filetime{LowDateTime: uint32(ticks), HighDateTime: uint32(ticks >> 32)}
	return time.Unix(0, ft.Nanoseconds())
}
