package file

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// copyMark stands for the path of the copy in the arguments of a checker.
const copyMark = "%s"

// check has the checker look at a copy of the content that is wanted. The copy is in the agent's
// own folder, which only root may enter: in the folder of the file it might be taken for a file
// of its own, as a fragment in conf.d is.
func (s *Spec) check(ctx context.Context, h *host.Host) error {
	if len(s.Checker) == 0 {
		return nil
	}
	if h.Offline {
		h.Log.Warn("content is not checked: the root is not the running system", "path", s.Path, "program", s.Checker[0])
		return nil
	}
	sum := sha256.Sum256([]byte(s.Path))
	dir := path.Join(engine.CheckDir, hex.EncodeToString(sum[:8]))
	// The name is kept, as programs go by its ending.
	name := path.Join(dir, path.Base(s.Path))
	err := s.checkAt(ctx, h, dir, name)
	err = errors.Join(err, h.Files.Remove(name), h.Files.Remove(dir))
	if err != nil {
		return fmt.Errorf("cannot check the new content of %s: %w", s.Path, err)
	}
	return nil
}

func (s *Spec) checkAt(ctx context.Context, h *host.Host, dir, name string) error {
	if err := h.Files.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := h.Files.Write(name, []byte(s.Content.Reveal()), host.Attr{Mode: 0o600, UID: -1, GID: -1}); err != nil {
		return err
	}
	argv := make([]string, len(s.Checker))
	for i, arg := range s.Checker {
		argv[i] = strings.ReplaceAll(arg, copyMark, name)
	}
	_, err := h.Programs.Run(ctx, argv...)
	var failed *host.ProgramError
	if s.secret() && errors.As(err, &failed) {
		return fmt.Errorf("%s refuses it with status %d; what it says about a secret is not shown", argv[0], failed.Exit)
	}
	return err
}
