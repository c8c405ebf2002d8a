package host

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
)

// Files is a rooted file tree that can be changed. Every change is durable when the
// method returns, every change passes the watcher of Options first, and a method that
// was stopped anywhere arrives when it is called again.
type Files struct {
	Tree
	gate gate
	// staged, where not nil, takes the next write.
	staged *Staged
}

func openFiles(name string, g gate) (*Files, error) {
	r, err := openRoot(name)
	if err != nil {
		return nil, err
	}
	return &Files{Tree: Tree{r: r}, gate: g}, nil
}

func (f *Files) close() error { return f.r.close() }

// Attr is what a path has beside its content. Neither the umask nor a default ACL of the
// folder has a say in it.
type Attr struct {
	// Mode holds permissions, set-uid, set-gid and sticky as octal bits. A symbolic link
	// has none. Windows takes 0, to inherit from the folder, and modes that allow the
	// owner alone; it refuses others.
	Mode fs.FileMode
	// UID and GID are the owner; -1 keeps that of the file that is there, or for a new
	// one takes what the kernel gives: the process's, or a set-gid folder's group.
	UID, GID int
	// Xattrs, where nil, keep those of the file that is there, less those that vouch for
	// its old content. Otherwise these are all it has, less labels of security modules
	// that cannot be taken away, only changed.
	Xattrs map[string][]byte
}

// TempName returns the name under which the next content of a file is made, beside it. It
// is always the same for a name, so that whatever a stopped run left is found and removed.
func TempName(base string) string {
	sum := sha256.Sum256([]byte(base))
	return ".agent0-converge." + hex.EncodeToString(sum[:8])
}

// Write replaces the file at a path, or makes it, so that whoever looks sees the old file
// or the new one, complete with owner and mode, also after a power cut. A symbolic link
// at the path is replaced itself.
func (f *Files) Write(name string, content []byte, a Attr) error {
	return f.WriteFrom(name, bytes.NewReader(content), a)
}

// MkdirAll makes the folders of a path that do not exist, each durably and with mode.
func (f *Files) MkdirAll(name string, mode fs.FileMode) error {
	p, err := clean(name)
	if err != nil {
		return err
	}
	info, err := f.Stat(p)
	if err == nil && info.Kind == Dir {
		return nil
	}
	if err == nil {
		return named("make directory", p, &reason{"it is a " + info.Kind.String(), fs.ErrExist})
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := f.MkdirAll(filepath.Dir(p), mode); err != nil {
		return err
	}
	err = f.Mkdir(p, Attr{Mode: mode, UID: -1, GID: -1})
	if errors.Is(err, fs.ErrExist) { // someone else was faster; a file there is still an error
		if info, statErr := f.Stat(p); statErr == nil && info.Kind == Dir {
			return nil
		}
	}
	return err
}

// aboutContent reports whether an extended attribute vouches for a file's content, and so
// must not pass to other content: capabilities and the signatures of IMA and EVM.
func aboutContent(key string) bool {
	return key == "security.capability" || key == "security.ima" || key == "security.evm"
}

// removable reports whether an extended attribute goes away for being unwanted. Labels
// of security modules do not, and other keys of "system." are the file system's own.
func removable(key string) bool {
	return strings.HasPrefix(key, "user.") || strings.HasPrefix(key, "trusted.") ||
		key == "security.capability" || strings.HasPrefix(key, "system.posix_acl_")
}
