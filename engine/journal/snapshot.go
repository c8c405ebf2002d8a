package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// The first letter of a line of the snapshot says what it is.
const (
	runLine   = "r\t"
	entryLine = "e\t"
)

// readText reads a file into a string without holding it twice.
func readText(t host.Tree, name string) (text string, err error) {
	f, err := t.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.Grow(int(info.Size()))
	// Hidden, so that the file does not bring its own small buffer.
	_, err = io.CopyBuffer(&b, struct{ io.Reader }{f}, make([]byte, 64<<10))
	return b.String(), err
}

// parseSnapshot reads the ledger's file: the format's line; a line with a checksum of all that
// follows it, the last run and the size of the body; the body.
func (s *state) parseSnapshot(text string) error {
	damaged := func(what string) error { return &DamagedError{Path: ledgerPath, What: what} }
	first, rest, _ := strings.Cut(text, "\n")
	if _, err := checkHeader(ledgerPath, ledgerMagic, first[:min(len(first), maxHeader)]); err != nil {
		return err
	}
	sum, rest, _ := strings.Cut(rest, " ")
	want, err := strconv.ParseUint(sum, 16, 32)
	if err != nil || uint32(want) != checksumText(rest) {
		return damaged("it does not match its checksum")
	}
	second, body, _ := strings.Cut(rest, "\n")
	if n, err := fmt.Sscanf(second, "%d", &s.folded); n != 1 || err != nil || s.folded < 1 {
		return damaged("it does not say what its last run was")
	}
	count := strings.Count(body, "\n")
	s.ledger.lines = make([]string, 0, count)
	s.ledger.index = make(map[engine.Claim]int, count)
	for body != "" {
		var line string
		line, body, _ = strings.Cut(body, "\n")
		if js, ok := strings.CutPrefix(line, runLine); ok {
			s.brief = append(s.brief, js)
		} else if entry, ok := strings.CutPrefix(line, entryLine); !ok || !s.ledger.load(entry) {
			return damaged("it has a line that is neither an entry nor a run")
		}
	}
	return nil
}

// load adds a line of the snapshot. No two entries claim the same.
func (l *ledger) load(line string) bool {
	if strings.Count(line, "\t") < lineDetail {
		return false
	}
	at := len(l.lines)
	field, _, _ := strings.Cut(line, "\t")
	for c := range strings.SplitSeq(field, " ") {
		claim := engine.Claim(unescape(c))
		if other, taken := l.index[claim]; taken && other != at || claim == "" {
			return false
		}
		l.index[claim] = at
	}
	l.lines = append(l.lines, line)
	return true
}

// checksumText is checksum without a copy of the whole.
func checksumText(s string) uint32 {
	var (
		table = crc32.MakeTable(crc32.Castagnoli)
		buf   [16 << 10]byte
		sum   uint32
	)
	for s != "" {
		n := copy(buf[:], s)
		sum = crc32.Update(sum, table, buf[:n])
		s = s[n:]
	}
	return sum
}

// snapshot is the ledger's file that stands for all of s, with brief summaries of old runs.
func (s *state) snapshot(brief []string) string {
	size := 0
	for _, line := range s.ledger.lines {
		size += len(line) + len(entryLine) + 1
	}
	var body strings.Builder
	body.Grow(size + 512*len(brief))
	fmt.Fprintf(&body, "%d\n", s.last)
	for _, js := range brief {
		body.WriteString(runLine + js + "\n")
	}
	for _, line := range s.ledger.lines {
		if line != "" {
			body.WriteString(entryLine + line + "\n")
		}
	}
	return fmt.Sprintf("%s%08x %s", header(ledgerMagic), checksumText(body.String()), body.String())
}

// summaries are the lines about runs that the next snapshot has: all that are kept in detail and
// some older ones.
func (s *state) summaries(limit int, boot string) ([]string, error) {
	var out []string
	for _, line := range s.brief {
		line, err := forgetMoments(line, boot)
		if err != nil {
			return nil, err
		}
		out = append(out, line)
	}
	for _, info := range s.recent {
		js, err := json.Marshal(info)
		if err != nil {
			return nil, err
		}
		out = append(out, string(js))
	}
	return out[max(0, len(out)-limit):], nil
}
