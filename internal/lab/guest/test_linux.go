package guest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/debian"
	"github.com/agent0-converge/agent0-converge/internal/lab/gotest"
	"github.com/agent0-converge/agent0-converge/internal/lab/program"
)

// Need skips the test where no guest is to be booted, and says what is missing.
func Need(t testing.TB) {
	t.Helper()
	if os.Getenv(gotest.Full) == "" {
		t.Skipf("needs %s=1: it takes minutes", gotest.Full)
	}
	if why := missing(t.Context()); why != "" {
		t.Skip("needs " + why)
	}
}

// missing is what this process lacks to boot guests, once apt has installed what it can; "" for nothing.
func missing(ctx context.Context) string {
	if why := debian.Missing(); why != "" {
		return why
	}
	if _, err := exec.LookPath("go"); err != nil {
		return "the program go"
	}
	// An image is of this machine's architecture, and qemu of one alone.
	arch, err := program.Output(ctx, "dpkg", "--print-architecture")
	if err != nil || arch != "amd64" {
		return fmt.Sprintf("a Debian on amd64, and this is %s, %v", arch, err)
	}
	return ""
}

// Off is a guest that is off. It is closed when the test ends. Where there can be no guest the test is skipped.
func Off(t testing.TB, o Options) *Guest {
	t.Helper()
	Need(t)
	from := time.Now()
	g, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("made in %.1f s", time.Since(from).Seconds())
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// Run has sh run a script in a new guest, as root in a folder that has files, of which nil is none. It returns the
// script's exit status and output. If the guest does not come so far the test ends, with the guest's console.
func Run(t testing.TB, o Options, script string, files fs.FS) (rc int, out string) {
	t.Helper()
	r := Off(t, o).MustRun(t, script, files)
	return r.Code, string(r.Output)
}

// MustRun is the method Run, with its output in the test's log while it comes. An error ends the test.
func (g *Guest) MustRun(t testing.TB, script string, files fs.FS) *Result {
	t.Helper()
	ctx, cancel := beforeEnd(t)
	defer cancel()
	log := &lines{each: func(line string) { t.Log(line) }}
	r, err := g.Run(ctx, script, files, log)
	log.end()
	if err != nil {
		t.Fatal(err)
	}
	by := acceleratorFor(ctx, g.image)
	process.told.Do(func() { t.Logf("guests run by %s: %s", by.name, by.why) })
	t.Logf("%s: %.1f s to the script, by the guest's clock; %.1f s from power on to off", by.name, r.Boot.Seconds(), r.Took.Seconds())
	return r
}

// showTime is what it takes, on a busy machine, to end a guest and to log its console.
const showTime = 20 * time.Second

// beforeEnd ends soon enough before go test ends the process that the guest's console can be shown.
func beforeEnd(t testing.TB) (context.Context, context.CancelFunc) {
	test, ok := t.(*testing.T)
	if !ok {
		return context.WithCancel(t.Context())
	}
	end, ok := test.Deadline()
	if !ok {
		return context.WithCancel(t.Context())
	}
	return context.WithDeadlineCause(t.Context(), end.Add(-showTime), errors.New("go test's -timeout is near"))
}

// GoTest takes the tests of a package, an import path or one that starts with "./", into a new guest: as root, with
// AGENT0_IN_LAB=1, in a folder that has the package's testdata. args are flags of a test's program ("-test.run=Name").
// Each test is a subtest of t, which fails or is skipped as it was there; unless o.MaySkip is set, one that was skipped,
// or has a subtest that was, fails. It is an error if no test ran. What the tests print is in t's log while it comes.
func GoTest(t *testing.T, o Options, pkg string, args ...string) {
	t.Helper()
	g := Off(t, o)
	dir := t.TempDir()
	if err := stage(t.Context(), pkg, dir); err != nil {
		t.Fatal(err)
	}
	args = append([]string{gotest.Verbose, "-test.count=1"}, args...)
	script := fmt.Sprintf("%s=1 %s=%s exec ./package.test %s", gotest.Inside, gotest.Full, quote(os.Getenv(gotest.Full)), quote(args...))
	r := g.MustRun(t, script, os.DirFS(dir))
	results, err := gotest.Results(t.Context(), r.Code, r.Output, nil)
	for _, r := range results {
		t.Run(r.Name, func(t *testing.T) {
			if err := o.accepts(r); err != nil {
				t.Fatal(err)
			}
			r.End(t)
		})
	}
	if err != nil && !t.Failed() {
		t.Fatalf("the tests of %s in a guest: %v", pkg, err)
	}
}

// accepts says whether a test has done in the guest what it was to do there.
func (o Options) accepts(r *gotest.Result) error {
	if r.Skipped == nil || o.MaySkip {
		return nil
	}
	return fmt.Errorf("skipped in the guest, where it was to run: %s\n%s", strings.Join(r.Skipped, ", "), r.Output)
}

// stage puts into a folder what it takes to run a package's tests.
func stage(ctx context.Context, pkg, dir string) error {
	p, err := gotest.Compile(ctx, pkg)
	if err != nil {
		return err
	}
	defer p.Tests.Close()
	b, err := p.Tests.Content()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "package.test"), b, 0o755); err != nil {
		return fmt.Errorf("cannot stage the tests of %s: %w", pkg, err)
	}
	if _, err := os.Stat(p.Testdata); errors.Is(err, fs.ErrNotExist) { // most packages have none
		return nil
	}
	return os.CopyFS(filepath.Join(dir, "testdata"), os.DirFS(p.Testdata))
}

// quote makes words of a shell's.
func quote(words ...string) string {
	var out []string
	for _, w := range words {
		out = append(out, "'"+strings.ReplaceAll(w, "'", `'\''`)+"'")
	}
	return strings.Join(out, " ")
}
