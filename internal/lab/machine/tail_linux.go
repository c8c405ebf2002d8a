package machine

import (
	"bytes"
	"os"
)

// tailLines is how much of a log an error carries.
const tailLines = 40

// tail is the last lines of a log.
func tail(log []byte) string {
	lines := bytes.Split(bytes.TrimRight(log, "\r\n"), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-tailLines):], []byte("\n")))
}

// tailOf is the last lines of a log file, or why there are none.
func tailOf(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return tail(b)
}
