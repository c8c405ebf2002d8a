package launch

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"runtime"
)

// whole reports what is wrong with a program: a download that broke off, or one for another CPU. The kernel would say so only when
// this process has become it, and then nobody could tell the front.
func whole(path string) (err error) {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("it is damaged, or no program: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	want := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[runtime.GOARCH]
	if f.Machine != want || f.Type != elf.ET_EXEC && f.Type != elf.ET_DYN {
		return fmt.Errorf("it is a %v for %v: this machine needs a program for %v", f.Type, f.Machine, want)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && p.Off+p.Filesz > uint64(info.Size()) {
			return fmt.Errorf("it is cut short: it has %d bytes and needs %d", info.Size(), p.Off+p.Filesz)
		}
	}
	return nil
}
