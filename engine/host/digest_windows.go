package host

import (
	"os"

	"golang.org/x/sys/windows"
)

// openSelf opens the regular file at a path itself for reading.
func (t Tree) openSelf(verb, name string) (*os.File, error) {
	return located(t, verb, name, false, func(full string) (*os.File, error) {
		info, err := os.Lstat(full)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, notFile(kindOf(info.Mode()))
		}
		return os.Open(full)
	})
}

func infoOf(f *os.File) (Info, error) {
	st, err := f.Stat()
	if err != nil {
		return Info{}, err
	}
	return handleInfo(windows.Handle(f.Fd()), st)
}

// advise has nothing to say: Windows reads ahead by itself.
func advise(*os.File, int64) (passed func(done int64)) { return func(int64) {} }
