package program

import (
	"bytes"
	"os"
)

// tailLines is how much of a log an error carries.
const tailLines = 40

// Tail is the last 40 lines of a log.
func Tail(log []byte) string { return Last(log, tailLines) }

// Last is the last n lines of a log.
func Last(log []byte, n int) string {
	lines := bytes.Split(bytes.TrimRight(log, "\r\n"), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-n):], []byte("\n")))
}

// TailOf is the last 40 lines of a log file, or why there are none.
func TailOf(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return Tail(b)
}
