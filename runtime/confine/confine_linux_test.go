package confine_test

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/runtime/confine"
)

// report is what a confined process could do.
type report struct {
	Missing                                    []string
	Read, Other, Write, Device, TCP, UDP, Unix string
	Ioctl                                      string
	Ptrace, Mount, Unshare, Run, RunOther      string
}

// TestMain is also the process that is confined, and what that runs.
func TestMain(m *testing.M) {
	switch os.Getenv("CONFINE") {
	case "":
		os.Exit(m.Run())
	case "run":
		os.Exit(0)
	}
	dir := os.Getenv("CONFINE_DIR")
	missing, err := confine.Engine(confine.System().Add(confine.Files{
		Read: []string{dir + "/model"}, Run: []string{os.Args[0]}, Devices: []string{dir + "/device"},
	}))
	if err != nil {
		panic(err)
	}
	json.NewEncoder(os.Stdout).Encode(try(dir, missing))
	os.Exit(0)
}

func try(dir string, missing []string) report {
	say := func(err error) string {
		if err == nil {
			return "ok"
		}
		return err.Error()
	}
	r := report{Missing: missing}
	_, err := os.ReadFile(dir + "/model")
	r.Read = say(err)
	_, err = os.ReadFile(dir + "/secret")
	r.Other = say(err)
	r.Write = say(os.WriteFile(dir+"/model", nil, 0o600))
	r.Device = say(os.WriteFile(dir+"/device", []byte("x"), 0o600))
	r.Ioctl = say(ioctl("/dev/null"))
	_, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	r.TCP = say(err)
	_, err = unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM, 0)
	r.UDP = say(err)
	c, err := net.Dial("unix", dir+"/nobody")
	r.Unix = "refused"
	if errors.Is(err, unix.EPERM) {
		r.Unix = say(err)
	} else if err == nil {
		c.Close()
	}
	r.Ptrace = say(unix.PtraceAttach(1))
	r.Mount = say(unix.Mount("none", dir, "tmpfs", 0, ""))
	r.Unshare = say(unix.Unshare(unix.CLONE_NEWUSER))
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{"CONFINE=run"}
	r.Run = say(cmd.Run())
	r.RunOther = say(exec.Command("/bin/true").Run())
	return r
}

// ioctl asks a device for something that it has not got: its own answer shows that it was asked.
func ioctl(device string) error {
	f, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	_, err = unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return errors.Join(err, f.Close())
}

func TestConfined(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"model", "secret", "device"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("content"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{"CONFINE=yes", "CONFINE_DIR=" + dir}
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", r)
	for what, got := range map[string]string{"read the model": r.Read, "use the device": r.Device, "run itself": r.Run} {
		if got != "ok" {
			t.Errorf("cannot %s: %s", what, got)
		}
	}
	refused := map[string]string{"TCP": r.TCP, "UDP": r.UDP, "ptrace": r.Ptrace, "mount": r.Mount, "unshare": r.Unshare}
	for what, got := range refused {
		if !strings.Contains(got, "operation not permitted") {
			t.Errorf("%s: %s", what, got)
		}
	}
	if r.Unix != "refused" {
		t.Errorf("systemd cannot be told: %s", r.Unix)
	}
	if !strings.Contains(r.Ioctl, "inappropriate ioctl for device") {
		t.Errorf("a device cannot be driven: %s", r.Ioctl)
	}
	if len(r.Missing) > 0 {
		t.Skipf("files: %s", r.Missing)
	}
	for what, got := range map[string]string{"another file": r.Other, "writing the model": r.Write, "another program": r.RunOther} {
		if !strings.Contains(got, "permission denied") {
			t.Errorf("%s: %s", what, got)
		}
	}
}
