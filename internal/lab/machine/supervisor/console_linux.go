package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// console is the terminal of a machine, all of whose output goes to a file.
type console struct {
	tty    *os.File // kept open, so that the copy does not end while nobody else has it open
	copied chan error
}

// openConsole makes a terminal and copies what is written to it to the end of the file log.
func openConsole(log string) (*console, error) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot make a terminal: %w", err)
	}
	tty, err := slave(master)
	if err != nil {
		return nil, errors.Join(err, master.Close())
	}
	f, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot keep the console's log: %w", err), tty.Close(), master.Close())
	}
	c := &console{tty: tty, copied: make(chan error, 1)}
	go func() {
		_, err := io.Copy(f, master)
		if errors.Is(err, unix.EIO) { // the last one has closed the terminal
			err = nil
		}
		c.copied <- errors.Join(err, f.Close(), master.Close())
	}()
	return c, nil
}

// slave opens the other end of a terminal, wide enough for systemd not to shorten its lines.
func slave(master *os.File) (*os.File, error) {
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return nil, fmt.Errorf("cannot unlock a terminal: %w", err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return nil, fmt.Errorf("cannot name a terminal: %w", err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot open a terminal: %w", err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: 200}); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot set a terminal's size: %w", err), tty.Close())
	}
	return tty, nil
}

// close waits for what was written last. Nobody else may have the terminal open any more.
func (c *console) close() error { return errors.Join(c.tty.Close(), <-c.copied) }
