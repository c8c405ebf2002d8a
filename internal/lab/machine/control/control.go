// Package control is what a machine's owner and the machine's supervisor say to each other: JSON values, one
// after the other, over a socket. The owner's end closing, for whatever reason, ends the machine.
package control

// Setup is the owner's first message: what the machine is made of.
type Setup struct {
	// Root is the folder below the overlay.
	Root string
	// Dir is the folder of the machine, which the supervisor makes and removes.
	Dir string
	// InMemory keeps what the machine writes in memory.
	InMemory bool
	// Unified gives the machine control groups of version 2 alone.
	Unified bool
}

// Request is every further message of the owner.
type Request struct {
	// Do is one of the constants.
	Do string
	// Signal is for Signal: its number.
	Signal int `json:",omitempty"`
}

// What a Request may ask for.
const (
	Boot   = "boot"   // answered by Reply.PID
	Signal = "signal" // sent to the machine's PID 1; not answered
)

// Reply is a message of the supervisor.
type Reply struct {
	// Error is why what was asked for could not be done; "" if it was.
	Error string `json:",omitempty"`
	// Merged answers Setup: the machine's file system, as the supervisor's mounts have it.
	Merged string `json:",omitempty"`
	// PID answers Boot: the machine's PID 1 as the host sees it.
	PID int `json:",omitempty"`
	// Ended is how PID 1 ended, unasked: one of the constants, or words.
	Ended string `json:",omitempty"`
}

// How a machine ends.
const (
	Rebooted   = "reboot"
	PoweredOff = "poweroff"
	Killed     = "killed"
)

// Console is the console's log in Setup.Dir.
const Console = "console"

// Enter is what to run inside a machine, given to the program that enters it.
type Enter struct {
	// PID is the machine's PID 1 as the host sees it.
	PID int
	// Groups is the machine's control group and the one within it to run in.
	Groups [2]string
	// Unified is that of Setup.
	Unified bool
	// Argv is the program, looked up in Env's PATH inside the machine, and its arguments.
	Argv []string
	// Env is its whole environment.
	Env []string
	// Dir is where it starts.
	Dir string
}

// Result is how a program run inside a machine ended.
type Result struct {
	// Code is its exit status, or 128 and the signal that killed it.
	Code int
	// Error is why it was not run at all.
	Error string `json:",omitempty"`
}

// Init is what a machine's PID 1 has to know before it becomes systemd.
type Init struct {
	// Root is the merged file system.
	Root string
	// Group is the control group to be the root of.
	Group string
	// Unified is that of Setup.
	Unified bool
	// Console is the terminal that becomes /dev/console.
	Console string
}
