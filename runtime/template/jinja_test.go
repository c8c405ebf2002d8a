package template

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// now is what the clock of testdata/jinja.py says.
var now = time.Date(2025, 7, 4, 9, 5, 7, 0, time.UTC)

// job is a template with its variables.
type job struct {
	Template string          `json:"template"`
	Vars     json.RawMessage `json:"vars"`
}

// answer is how a rendering ended: one of its fields.
type answer struct {
	Out    *string `json:"out,omitempty"`
	Raised *string `json:"raised,omitempty"`
	Syntax *string `json:"syntax,omitempty"`
	Error  *string `json:"error,omitempty"`
	// Limit is ours alone.
	Limit string `json:"-"`
}

// same reports whether two answers are: errors are, whatever their words.
func (a answer) same(b answer) bool {
	switch {
	case a.Out != nil && b.Out != nil:
		return *a.Out == *b.Out
	case a.Raised != nil && b.Raised != nil:
		return *a.Raised == *b.Raised
	}
	return a.Syntax != nil && b.Syntax != nil || a.Error != nil && b.Error != nil
}

func (a answer) String() string {
	b, _ := json.Marshal(a)
	return string(b) + a.Limit
}

// ours renders with this package.
func ours(t *testing.T, j job) answer {
	t.Helper()
	text := func(s string) *string { return &s }
	v, err := fromJSON(j.Vars)
	if err != nil {
		t.Fatalf("%s: %v", j.Vars, err)
	}
	p, err := Parse(j.Template)
	var out string
	if err == nil {
		out, err = p.render(context.Background(), v.(*dict), now, Limits{Time: time.Minute})
	}
	var syntax *SyntaxError
	var raised *RaisedError
	var eval *EvalError
	var limit *LimitError
	switch {
	case err == nil:
		return answer{Out: &out}
	case errors.As(err, &syntax):
		return answer{Syntax: text(syntax.Error())}
	case errors.As(err, &raised):
		return answer{Raised: &raised.Message}
	case errors.As(err, &eval):
		if eval.Line < 1 {
			t.Errorf("%q: an error without a line: %v", j.Template, err)
		}
		return answer{Error: text(eval.Error())}
	case errors.As(err, &limit):
		return answer{Error: text(limit.Error()), Limit: limit.Which}
	}
	t.Fatalf("%q: an error of no type of ours: %v", j.Template, err)
	return answer{}
}

// jinja renders with Jinja2.
func jinja(t *testing.T, jobs []job) []answer {
	t.Helper()
	python := "/usr/bin/python3" // Debian's own: another one in PATH has other packages
	if err := exec.Command(python, "-c", "import jinja2").Run(); err != nil {
		t.Skipf("the Debian package python3-jinja2 is missing: %v", err)
	}
	var in bytes.Buffer
	enc := json.NewEncoder(&in)
	for _, j := range jobs {
		if err := enc.Encode(j); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(python, "testdata/jinja.py")
	cmd.Stdin = &in
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("cannot run jinja.py: %v", err)
	}
	var answers []answer
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var a answer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
	if len(answers) != len(jobs) {
		t.Fatalf("%d answers to %d jobs", len(answers), len(jobs))
	}
	return answers
}

// beyond reports whether Jinja2's answer is one that we do not give on purpose: numbers of more than 64 bits, and what
// Python prints of where things lie in memory.
func beyond(ours, theirs answer) bool {
	return ours.Limit == LimitInteger || theirs.Out != nil && strings.Contains(strings.ToLower(*theirs.Out), " at 0x")
}

// readJSON reads a file of testdata.
func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// writeJSON writes a file of testdata, one element a line.
func writeJSON[T any](t *testing.T, path string, list []T) {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("[\n")
	for i, e := range list {
		if i > 0 {
			b.WriteString(",\n")
		}
		var line bytes.Buffer
		enc := json.NewEncoder(&line)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(e); err != nil {
			t.Fatal(err)
		}
		b.Write(bytes.TrimSpace(line.Bytes()))
	}
	b.WriteString("\n]\n")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// updating reports whether expected outputs are to be written anew.
func updating() bool { return os.Getenv("AGENT0_UPDATE") == "1" }
