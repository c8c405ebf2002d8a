package trace

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// programs are what the tests trace: this binary again, told by its environment which to be.
func programs() map[string]func(dir string) error {
	return map[string]func(string) error{
		"steps":   stepsProgram,
		"threads": threadsProgram,
		"child":   childProgram,
		"exec":    execProgram,
		"hang":    hangProgram,
		"lookups": lookupsProgram,
		"dwindle": dwindleProgram,
		"mapped":  mappedProgram,
		"again":   againProgram,
	}
}

func TestMain(m *testing.M) {
	name := os.Getenv("TRACE_PROGRAM")
	if name == "" {
		os.Exit(m.Run())
	}
	if err := programs()[name](os.Getenv("TRACE_DIR")); err != nil {
		fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func program(name, dir string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "TRACE_PROGRAM="+name, "TRACE_DIR="+dir)
	cmd.Stderr = os.Stderr
	return cmd
}

// stepsProgram does every step, each on another thread.
func stepsProgram(dir string) error {
	s := &stepper{dir: dir}
	for _, st := range steps() {
		if err := onNewThread(func() error { return st.do(s) }); err != nil {
			return fmt.Errorf("%s: %w", st.name, err)
		}
	}
	return nil
}

// onNewThread runs f on a thread that then ends, so that each call has another.
func onNewThread(f func() error) error {
	errs := make(chan error)
	go func() {
		runtime.LockOSThread()
		errs <- f()
	}()
	return <-errs
}

const (
	threads         = 6
	pointsPerThread = 6
	rounds          = 4
	childPoints     = 2
)

// threadsProgram makes points on many threads at once, and children that make some more.
func threadsProgram(dir string) error {
	var wg, ready sync.WaitGroup
	errs := make(chan error, threads)
	ready.Add(threads)
	for i := range threads {
		wg.Go(func() {
			runtime.LockOSThread()
			ready.Done()
			ready.Wait()
			errs <- threadPoints(dir, i)
		})
	}
	wg.Wait()
	for range threads {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

func threadPoints(dir string, i int) error {
	for round := range rounds {
		name := filepath.Join(dir, fmt.Sprintf("%d-%d", i, round))
		if err := sixPoints(name); err != nil {
			return err
		}
	}
	cmd := program("child", filepath.Join(dir, "child"+strconv.Itoa(i)))
	return cmd.Run()
}

func sixPoints(name string) error {
	fd, err := unix.Open(name+".tmp", unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, []byte("content")); err != nil {
		return err
	}
	if err := unix.Fchmod(fd, 0o644); err != nil {
		return err
	}
	if err := unix.Fsync(fd); err != nil {
		return err
	}
	if err := unix.Rename(name+".tmp", name); err != nil {
		return err
	}
	return unix.Mkdir(name+".d", 0o755)
}

// childProgram makes two points, among calls that are none.
func childProgram(dir string) error {
	if err := unix.Mkdir(dir, 0o755); err != nil {
		return err
	}
	var pipe [2]int
	if err := unix.Pipe(pipe[:]); err != nil {
		return err
	}
	if _, err := unix.Write(pipe[1], []byte("not a file")); err != nil {
		return err
	}
	if err := os.WriteFile("/dev/null", []byte("nothing"), 0o600); err != nil {
		return err
	}
	elsewhere, err := os.CreateTemp("", "elsewhere")
	if err != nil {
		return err
	}
	if err := os.Remove(elsewhere.Name()); err != nil {
		return err
	}
	if _, err := os.ReadDir(dir); err != nil {
		return err
	}
	return unix.Symlink("target", filepath.Join(dir, "link"))
}

// execProgram becomes childProgram by an exec on a thread other than the first.
func execProgram(dir string) error {
	if err := unix.Mkdir(dir, 0o755); err != nil {
		return err
	}
	env := []string{"TRACE_PROGRAM=child", "TRACE_DIR=" + filepath.Join(dir, "child"), "TMPDIR=" + os.TempDir()}
	var become func() error
	become = func() error {
		if unix.Gettid() == unix.Getpid() {
			return onNewThread(become)
		}
		return syscall.Exec("/proc/self/exe", []string{"child"}, env)
	}
	return onNewThread(become)
}

// hangProgram starts a child like itself, and both wait for ever.
func hangProgram(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if filepath.Base(dir) != "deep" {
		if err := program("hang", filepath.Join(dir, "deep")).Start(); err != nil {
			return err
		}
	} else if err := unix.Kill(os.Getpid(), 0); err != nil { // the test's cue
		return err
	}
	var pipe [2]int
	if err := unix.Pipe(pipe[:]); err != nil {
		return err
	}
	_, err := unix.Read(pipe[0], make([]byte, 1))
	return err
}

// dwindleProgram has fewer points each time it runs.
func dwindleProgram(dir string) error {
	count := os.Getenv("TRACE_COUNT")
	b, err := os.ReadFile(count)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(string(b))
	if err != nil {
		return err
	}
	if err := os.WriteFile(count, []byte(strconv.Itoa(max(n-1, 1))), 0o600); err != nil {
		return err
	}
	for i := range n {
		if err := unix.Mkdir(filepath.Join(dir, strconv.Itoa(i)), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// mappedProgram writes a file behind our back.
func mappedProgram(dir string) error {
	f, err := os.Create(filepath.Join(dir, "mapped"))
	if err != nil {
		return err
	}
	if err := f.Truncate(4096); err != nil {
		return err
	}
	b, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	b[0] = 'x'
	return nil
}
