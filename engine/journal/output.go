package journal

import (
	"errors"
	"fmt"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// output is the end of one run's file. What was not written in full is cut off again, so that
// nothing is ever written behind it.
type output struct {
	files *host.Files
	path  string
	file  *host.AppendFile
	size  int64
	// synced is how much of it is durable, marked how much of that a record says.
	synced, marked int64
	// started says that the file holds a record.
	started bool
	// broken is why the file takes no more records: what it holds is not known.
	broken error
}

// append writes b, and durably if it is to be synced.
func (o *output) append(b []byte, sync bool) error {
	if o.broken != nil {
		return o.broken
	}
	if err := o.open(); err != nil {
		return err
	}
	if _, err := o.file.Write(b); err != nil {
		if cut := o.file.Truncate(o.size); cut != nil {
			o.broken = fmt.Errorf("the end of %s is not known: %w", o.path, errors.Join(err, cut))
		}
		return err
	}
	o.size += int64(len(b))
	o.started = true
	if !sync {
		return nil
	}
	if err := o.file.Sync(); err != nil {
		// The kernel forgets what it failed to write: a later sync would claim that all is well.
		o.broken = fmt.Errorf("what %s holds is not known: %w", o.path, err)
		return err
	}
	o.synced = o.size
	return nil
}

// mark returns what the next record is to say of how much is durable.
func (o *output) mark() int64 {
	if o.synced == o.marked {
		return 0
	}
	o.marked = o.synced
	return o.synced
}

func (o *output) open() error {
	if o.file != nil {
		return nil
	}
	f, err := o.files.OpenAppend(o.path, 0o600)
	if err != nil {
		return err
	}
	size, err := f.Size()
	if err == nil && size != o.size {
		// The end that a crash cut short: it was found not to be part of the file.
		err = f.Truncate(o.size)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	o.file = f
	return nil
}

func (o *output) close() error {
	if o.file == nil {
		return nil
	}
	err := o.file.Close()
	o.file = nil
	return err
}
