package main

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// question ends what is asked of somebody at a terminal.
const question = "does: "

// scriptTerminal is "terminal STATUS ANSWER ARGUMENT...": the program on a terminal, where somebody
// gives that answer once they are asked.
func scriptTerminal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: terminal STATUS ANSWER ARGUMENT...")
	}
	master, slave, err := openTerminal()
	ts.Check(err)
	defer master.Close()
	cmd := command(ts, args[2:])
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	err = cmd.Start()
	slave.Close()
	ts.Check(err)
	var (
		shown bytes.Buffer
		buf   [4096]byte
	)
	for asked := false; ; {
		n, err := master.Read(buf[:])
		shown.Write(buf[:n])
		if err != nil { // EIO once the other end is closed
			break
		}
		if !asked && bytes.HasSuffix(shown.Bytes(), []byte(question)) {
			asked = true
			_, err := master.WriteString(args[1] + "\n")
			ts.Check(err)
		}
	}
	ended(ts, args[0], cmd.Wait(), shown.String(), "")
}

// openTerminal makes a terminal that neither echoes nor changes what passes.
func openTerminal() (master, slave *os.File, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	fd := int(master.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	err = errors.Join(err, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	if err == nil {
		slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		return nil, nil, errors.Join(err, master.Close())
	}
	mode, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err == nil {
		mode.Lflag &^= unix.ECHO
		mode.Oflag &^= unix.OPOST
		err = unix.IoctlSetTermios(int(slave.Fd()), unix.TCSETS, mode)
	}
	if err != nil {
		return nil, nil, errors.Join(err, master.Close(), slave.Close())
	}
	return master, slave, nil
}
