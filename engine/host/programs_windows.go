package host

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/windows"
)

func programDirs() []string {
	system, err := windows.GetSystemDirectory()
	if err != nil {
		return nil
	}
	return []string{system, filepath.Dir(system), filepath.Join(system, "Wbem"),
		filepath.Join(system, "WindowsPowerShell", "v1.0")}
}

// environment is what Windows programs cannot start without.
func environment() []string {
	env := []string{"PATH=" + strings.Join(programDirs(), ";")}
	for _, key := range []string{"SystemRoot", "SystemDrive", "windir", "TEMP", "TMP", "ProgramData", "PATHEXT", "ComSpec"} {
		if value, ok := os.LookupEnv(key); ok {
			env = append(env, key+"="+value)
		}
	}
	return env
}

// group starts a program as the first of a new group, which a Ctrl-C on the console of
// the agent does not reach.
func group(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP, HideWindow: true}
	cmd.Cancel = func() error { return killTree(uint32(cmd.Process.Pid)) }
}

// endGroup has nothing left to do: killTree ended the children with their parent.
func endGroup(*exec.Cmd) {}

// session starts a program without a console, which the end of this process does not reach.
func session(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.DETACHED_PROCESS}
}
