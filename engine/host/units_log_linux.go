package host

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// logEntry is one of the journal's, as "journalctl -o json" writes it (systemd.journal-fields(7)).
type logEntry struct {
	Message logMessage `json:"MESSAGE"`
	// Of is the start of the unit whose process wrote it, About the one that systemd writes about.
	Of    string `json:"_SYSTEMD_INVOCATION_ID"`
	About string `json:"INVOCATION_ID"`
	// At is when journald had it, in microseconds since 1970.
	At string `json:"__REALTIME_TIMESTAMP"`
}

// logMessage is what an entry says. One that is no printable UTF-8 is written as a list of its bytes.
type logMessage string

func (m *logMessage) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*m = logMessage(text)
		return nil
	}
	var codes []uint16 // and not bytes, which JSON has as base64
	if err := json.Unmarshal(b, &codes); err != nil {
		return err
	}
	raw := make([]byte, len(codes))
	for i, c := range codes {
		raw[i] = byte(c)
	}
	*m = logMessage(raw)
	return nil
}

// start is the start of the unit that e belongs to, "" where journald could not find out: it looks when it gets
// to the entry, and by then the process may be gone and the start with it.
func (e logEntry) start() string {
	if e.Of != "" {
		return e.Of
	}
	return e.About
}

func (e logEntry) before(t time.Time) bool {
	at, err := strconv.ParseInt(e.At, 10, 64)
	return err == nil && at < t.UnixMicro()
}

// linesOf picks from the journal's entries of one unit, oldest first, what was said in one start of it, and in all
// that began after the unit was told to start: one that fails at once may be in its next start by now. What is of no
// known start belongs to the one that is under way.
func linesOf(entries []byte, invocation string, told time.Time) []string {
	var out []string
	earlier, begun := map[string]bool{}, false
	for line := range bytes.Lines(entries) {
		var e logEntry
		if json.Unmarshal(line, &e) != nil {
			continue // an entry that says nothing, or many things at once
		}
		start, old := e.start(), e.before(told)
		switch {
		case start == "" && !begun && old:
			continue
		case start == "":
		case start == invocation:
			begun = true
		case old || earlier[start]:
			earlier[start] = true
			continue
		}
		out = append(out, strings.Split(strings.TrimRight(string(e.Message), "\n"), "\n")...)
	}
	return out
}
