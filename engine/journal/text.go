package journal

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
)

const (
	keySize  = 32
	plainRef = "sha256:"
	keyedRef = "hmac-sha256:"
	// shortText is the longest content that a record holds itself: a file of its own costs two
	// syncs and a block of the disk.
	shortText = 1 << 10
)

// Ref returns the reference that stands for a text: the digest of a plain one, and of a secret
// an HMAC under the host's key, which nobody without the key can try guesses on.
func (j *Journal) Ref(t engine.Text) (string, error) {
	if !t.Secret() {
		sum := sha256.Sum256([]byte(t.Reveal()))
		return plainRef + hex.EncodeToString(sum[:]), nil
	}
	key, err := j.hostKey()
	if err != nil {
		return "", err
	}
	j.hide(t.Reveal())
	return keyed(key, t.Reveal()), nil
}

func keyed(key []byte, value string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(value))
	return keyedRef + hex.EncodeToString(mac.Sum(nil))
}

// Fetch returns the text that ref stands for, if it is still kept.
func (j *Journal) Fetch(ref string) (string, bool, error) {
	j.mu.RLock()
	value, ok := j.texts[ref]
	j.mu.RUnlock()
	if ok {
		return value, true, nil
	}
	if sum, plain := strings.CutPrefix(ref, plainRef); plain && isSum(sum) {
		return j.read(path.Join(blobsDir, sum), ref)
	}
	if sum, secret := strings.CutPrefix(ref, keyedRef); secret && isSum(sum) {
		return j.fetchSecret(sum, ref)
	}
	return "", false, nil
}

// fetchSecret looks through the vault, newest run first.
func (j *Journal) fetchSecret(sum, ref string) (string, bool, error) {
	runs, err := j.tree.ReadDir(vaultDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", false, fmt.Errorf("cannot read the journal: %w", err)
	}
	for _, run := range slices.Backward(runs) {
		if value, ok, err := j.read(path.Join(vaultDir, run, sum), ref); ok || err != nil {
			return value, ok, err
		}
	}
	return "", false, nil
}

// read returns a kept content once it has proven to be what ref stands for.
func (j *Journal) read(name, ref string) (string, bool, error) {
	b, err := j.tree.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("cannot read the journal: %w", err)
	}
	t := engine.NewText(string(b))
	if strings.HasPrefix(ref, keyedRef) {
		t = engine.NewSecret(string(b))
	}
	found, err := j.Ref(*t)
	if err == nil && found != ref {
		err = &DamagedError{Path: name, What: "its content does not match its name"}
	}
	return string(b), err == nil, err
}

// remember keeps short contents at hand for Fetch.
func (j *Journal) remember(ts texts) {
	if len(ts) == 0 {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for ref, b := range ts {
		j.texts[ref] = string(b)
	}
}

// shortTexts returns those contents that r refers to and that are short.
func (j *Journal) shortTexts(r engine.Recorded) texts {
	j.mu.RLock()
	defer j.mu.RUnlock()
	found := map[string]bool{}
	for _, raw := range r {
		refs(found, raw)
	}
	var out texts
	for ref := range found {
		if value, ok := j.texts[ref]; ok {
			if out == nil {
				out = texts{}
			}
			out[ref] = []byte(value)
		}
	}
	return out
}

func isSum(s string) bool {
	return len(s) == 2*sha256.Size && strings.Trim(s, "0123456789abcdef") == ""
}

// refs adds to found whatever in b looks like a reference to a plain content. That finds too much,
// never too little: what is found is kept.
func refs(found map[string]bool, b []byte) {
	for {
		at := bytes.Index(b, []byte(plainRef))
		if at < 0 {
			return
		}
		b = b[at+len(plainRef):]
		if n := 2 * sha256.Size; len(b) >= n && isSum(string(b[:n])) {
			found[plainRef+string(b[:n])] = true
		}
	}
}
