// Command supervisor owns one machine of the lab: its folder, mounts, control groups and processes. It outlives
// whoever asked for the machine, and takes all of that down when they close the control socket, end or are killed.
//
//	supervisor supervise NAME          descriptor 3 is the control socket
//	supervisor init NAME PARAMETERS    becomes the machine's PID 1; descriptor 3 takes what went wrong
//	supervisor enter NAME PARAMETERS   runs a program in the machine; descriptor 3 takes its result
//
// NAME only tells the machines apart in a list of processes.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
)

// channel is the descriptor that leads to whoever started this program.
const channel = 3

func main() {
	// Namespaces belong to threads, and a parent's death is that of the thread which started the child.
	runtime.LockOSThread()
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "supervisor:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "supervise":
		return supervise(args[1])
	case len(args) == 3 && args[0] == "init":
		return becomeInit(args[2])
	case len(args) == 3 && args[0] == "enter":
		return enter(args[2])
	}
	return errors.New("cannot tell what to do: usage: supervisor supervise NAME | init NAME PARAMETERS | enter NAME PARAMETERS")
}
