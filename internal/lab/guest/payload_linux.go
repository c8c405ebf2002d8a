package guest

import (
	"archive/tar"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// scriptName is what lab-run runs.
const scriptName = ".lab-script"

// pack writes the tar that a guest gets as a disk: the files and the script.
func pack(dir, script string, files fs.FS) (payload string, err error) {
	file, err := os.Create(filepath.Join(dir, "payload.tar"))
	if err != nil {
		return "", fmt.Errorf("cannot make a payload: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	out := tar.NewWriter(file)
	if files != nil {
		if err := out.AddFS(files); err != nil {
			return "", fmt.Errorf("cannot make a payload: %w", err)
		}
	}
	err = out.WriteHeader(&tar.Header{Name: scriptName, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(script))})
	if err == nil {
		_, err = out.Write([]byte(script))
	}
	return file.Name(), errors.Join(err, out.Close())
}
