package host

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxCredential is how long a credential may be (systemd.exec(5)).
const maxCredential = 1 << 20

// Credential returns what the service manager gave this process, and no other, under a name: by LoadCredential= or
// SetCredential= in its unit, or the same with Encrypted (systemd.exec(5), "Credentials").
func Credential(name string) ([]byte, error) {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\:\x00") {
		return nil, fmt.Errorf("cannot read credential %q: that is no name of one", name)
	}
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return nil, fmt.Errorf("cannot read credential %s: this process was given no credentials (LoadCredential= in its unit)", name)
	}
	b, err := readAtMost(filepath.Join(dir, name), maxCredential)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read credential %s: this process was given others and no such (LoadCredential= in its unit): %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read credential %s: %w", name, err)
	}
	return b, nil
}

func readAtMost(name string, limit int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, unnamed(err)
	}
	if !info.Mode().IsRegular() {
		return nil, notFile(kindOf(info.Mode()))
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, unnamed(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if int64(len(b)) > limit {
		err = fmt.Errorf("it is longer than %d bytes", limit)
	}
	return b, err
}
