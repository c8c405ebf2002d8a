package host

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// Space tells the room of the volume that a path is on or, where it is not there yet, would be on: that of the
// nearest folder.
func (t Tree) Space(name string) (Space, error) {
	p, err := clean(name)
	if err != nil {
		return Space{}, err
	}
	for ; ; p = filepath.Dir(p) {
		info, err := t.Stat(p)
		top := p == filepath.Dir(p)
		if !top && (errors.Is(err, fs.ErrNotExist) || err == nil && info.Kind != Dir) {
			continue
		}
		if err != nil {
			return Space{}, err
		}
		return located(t, "look for room at", p, true, func(full string) (Space, error) {
			s, err := volumeSpace(full)
			s.Dev, s.Dir = info.Dev, p
			return s, err
		})
	}
}

func volumeSpace(full string) (Space, error) {
	dir, err := windows.UTF16PtrFromString(full)
	if err != nil {
		return Space{}, err
	}
	var free, total uint64
	if err := windows.GetDiskFreeSpaceEx(dir, &free, &total, nil); err != nil {
		return Space{}, os.NewSyscallError("GetDiskFreeSpaceEx", err)
	}
	s := Space{Free: int64(min(free, math.MaxInt64)), Total: int64(min(total, math.MaxInt64))}
	s.Type, err = volumeType(full)
	return s, err
}

func volumeType(full string) (string, error) {
	volume, err := volumeOf(full)
	if err != nil {
		return "", err
	}
	p, err := windows.UTF16PtrFromString(volume)
	if err != nil {
		return "", err
	}
	var name [windows.MAX_PATH + 1]uint16
	err = windows.GetVolumeInformation(p, nil, 0, nil, nil, nil, &name[0], uint32(len(name)))
	return windows.UTF16ToString(name[:]), err
}
