package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/plans/lockfile"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
)

// lockPace grants a source more than a fetch does, since a lock that fails keeps nothing of what was read.
var lockPace = fetch.Pace{Stall: time.Minute, Longest: 5 * time.Minute}

// lockFlags are those of models lock.
type lockFlags struct {
	access
	out    string
	update bool
}

func (a *app) modelsLockCmd() *cobra.Command {
	var f lockFlags
	cmd := &cobra.Command{
		Use:   "lock [NAME=]URL...",
		Short: "Find out the SHA-256 and size of models, and write them into a lock file",
		Long: `lock reads each URL from its first byte to its last, keeps nothing of it, and writes into a lock file what it
was: its SHA-256 and size. A plan takes them from there with hcldecode, and apply fetches that and nothing else.

URL is https://, http://, file:///… or oci://registry/repository:tag. NAME is what the lock file calls the model; left
out, it is the file's name without .gguf. Several URLs of one NAME are mirrors, and must have the same bytes. Of a
model that is split, give the first file (…-00001-of-0000N.gguf): the others are found beside it.

What is locked already stays as it is; a further URL of it becomes a mirror. With --update, models are locked anew: those
that are named, from the URLs that are given, or without any all of the file, from their own.

The header of GGUF files is checked. Nothing is written if one URL fails.`,
		Example: `  agent0-converge models lock https://models.example.com/chat.gguf
  agent0-converge models lock chat=https://models.example.com/chat-q4.gguf chat=file:///media/usb/chat.gguf
  agent0-converge models lock --token models.example.com=MODELS_TOKEN https://models.example.com/chat.gguf
  agent0-converge models lock --update`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.modelsLock(cmd.Context(), args, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.out, "out", lockfile.Name, "lock file to write")
	flags.BoolVar(&f.update, "update", false, "look again at what is locked already, and lock what is there now")
	f.access.add(cmd)
	a.jsonFlag(cmd)
	return cmd
}

func (a *app) modelsLock(ctx context.Context, args []string, f lockFlags) error {
	asked, err := askedToLock(args)
	if err != nil {
		return err
	}
	if len(asked) == 0 && !f.update {
		return errors.New("models lock takes the URLs of models, or --update to look again at those of the lock file")
	}
	if !strings.HasSuffix(f.out, lockfile.Suffix) {
		return fmt.Errorf("--out %s: a lock file is called *%s, so that no folder's plan takes it for its own", f.out, lockfile.Suffix)
	}
	old, err := a.readLock(f.out)
	if err != nil {
		return err
	}
	sources, err := a.lockSources(f.access)
	if err != nil {
		return err
	}
	defer sources.close()
	bars := a.progress()
	l := &locker{sources: sources, old: old, file: f.out, update: f.update, tell: bars.tell, now: a.now, pace: lockPace}
	done, err := l.lock(ctx, asked)
	bars.close()
	if err != nil {
		return err
	}
	whole, err := a.writeLock(f.out, old, done)
	if err != nil {
		return err
	}
	if a.json {
		return a.writeJSON(lockedJSON(f.out, done))
	}
	a.showLocked(f.out, whole, done)
	return nil
}

// readLock reads a lock file. One that is not there is empty.
func (a *app) readLock(name string) (*lockfile.Lock, error) {
	src, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return &lockfile.Lock{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the lock file: %w", err)
	}
	lock, diags := lockfile.Read(src, name)
	if diags.HasErrors() {
		return nil, a.failed(diags, map[string]*hcl.File{name: {Bytes: src}})
	}
	return lock, nil
}

// writeLock puts what was locked into the lock file, which may have become another while that was looked at: only what
// was locked by both is a conflict. It returns the whole.
func (a *app) writeLock(name string, old *lockfile.Lock, done []locked) (*lockfile.Lock, error) {
	now, err := a.readLock(name)
	if err != nil {
		return nil, err
	}
	changed := false
	for _, d := range done {
		if d.Status == lockSame {
			continue
		}
		was, _ := old.Find(d.Name)
		if is, _ := now.Find(d.Name); !reflect.DeepEqual(was, is) {
			return nil, fmt.Errorf("%s: somebody else has locked %s meanwhile: run this again", name, d.Name)
		}
		now.Put(d.Model)
		changed = true
	}
	if !changed {
		return now, nil
	}
	return now, rewrite(name, now.Format())
}
