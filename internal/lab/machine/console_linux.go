package machine

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/agent0-converge/agent0-converge/internal/lab/machine/control"
	"github.com/agent0-converge/agent0-converge/internal/lab/program"
)

// Console is what the machine has written to its console, over all boots, as text.
func (m *Machine) Console() ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(m.dir, control.Console))
	if err != nil {
		return nil, fmt.Errorf("cannot read the machine's console: %w", err)
	}
	return plainText(b), nil
}

var (
	// escapes are what moves a terminal's cursor and colours its text, ECMA-48.
	escapes = regexp.MustCompile(`\r|\x1b\[[0-9;?]*[A-Za-z]|\x1b[A-Z]`)
	// waiting is a line that systemd writes twice a second over the one before: a moving star, and what it waits for.
	waiting = regexp.MustCompile(`^\[[ *]{6}\] `)
)

// plainText leaves out what only moves: of lines that were written over each other the last remains.
func plainText(console []byte) []byte {
	lines := strings.SplitAfter(string(escapes.ReplaceAll(console, nil)), "\n")
	var out strings.Builder
	for i, line := range lines {
		if waiting.MatchString(line) && i+1 < len(lines) && waiting.MatchString(lines[i+1]) {
			continue
		}
		out.WriteString(line)
	}
	return []byte(out.String())
}

// report is the end of the console, for an error.
func (m *Machine) report() string {
	b, err := m.Console()
	if err != nil {
		return err.Error()
	}
	return "the console's last lines:\n" + program.Tail(b)
}
