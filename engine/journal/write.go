package journal

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// How much of what a run says is recorded.
const (
	longField  = 256
	longArg    = 1 << 10
	longOutput = 4 << 10
)

func private() host.Attr { return host.Attr{Mode: 0o600, UID: -1, GID: -1} }

// write appends recs to the run's file, which it starts where they are the first, and then makes their
// changes of the ledger.
func (r *Recording) write(sync bool, recs ...record) error {
	var b []byte
	var err error
	if !r.out.started {
		for i, arg := range r.info.Args {
			r.info.Args[i] = r.redact(arg)
		}
		r.run.Info = r.info
		if b, err = frame([]byte(header(runMagic)), record{Run: &r.info}); err != nil {
			return err
		}
	}
	for _, rec := range recs {
		rec.Synced = r.out.mark()
		if b, err = frame(b, rec); err != nil {
			return err
		}
	}
	if err := r.out.append(b, sync); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state.records += len(recs)
	for _, rec := range recs {
		if err := r.state.ledger.apply(rec.effect()); err != nil {
			return err
		}
	}
	return nil
}

// prepare makes what has to be there before the first record: the folder, and the key that its
// references to secrets are under.
func (r *Recording) prepare() error {
	if r.out.started {
		return nil
	}
	if err := r.files.MkdirAll(runsDir, 0o700); err != nil {
		return err
	}
	key, err := r.hostKey()
	if err != nil || r.onDisk {
		return err
	}
	if err := r.files.Write(keyPath, key, private()); err != nil {
		return err
	}
	r.onDisk = true
	return nil
}

// keep is Ref for what is about to go: its content is durable when keep returns.
func (r *Recording) keep(t engine.Text) (string, error) {
	ref, err := r.Ref(t)
	if err != nil {
		return "", err
	}
	sum := ref[strings.IndexByte(ref, ':')+1:]
	switch {
	case t.Secret() && r.options.SecretsDigestOnly:
		return ref, nil
	case t.Secret():
		return ref, r.keepIn(fmt.Sprintf("%s/%06d", vaultDir, r.info.ID), sum, t)
	case len(t.Reveal()) <= shortText:
		r.remember(texts{ref: []byte(t.Reveal())})
		return ref, nil
	}
	return ref, r.keepIn(blobsDir, sum, t)
}

// keepIn writes a content under the name that tells what it is: if there is such a file, it is
// that.
func (r *Recording) keepIn(dir, sum string, t engine.Text) error {
	name := path.Join(dir, sum)
	_, err := r.files.Lstat(name)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := r.files.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return r.files.Write(name, []byte(t.Reveal()), private())
}

// shortened are fields as a record has them: long values by their size and digest. The engine never
// puts a secret in them.
func shortened(fields []engine.FieldDiff) []engine.FieldDiff {
	var out []engine.FieldDiff
	for _, f := range fields {
		f.Have, f.Want, f.Long = brief(f.Have), brief(f.Want), false
		out = append(out, f)
	}
	return out
}

func brief(s string) string {
	if len(s) <= longField {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return fmt.Sprintf("(%d bytes, sha256 %x…)", len(s), sum[:6])
}

// first and last cut s to n bytes.
func first(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

func last(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return "…" + strings.ToValidUTF8(s[len(s)-n:], "")
}
