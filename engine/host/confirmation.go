package host

import "time"

// Confirmation says how a change is confirmed that could cut off whoever makes it, as one of a firewall can. It is the
// command's to fill in; a host without it refuses such a change, since nobody would take it back.
type Confirmation struct {
	// Run returns the number of the run at work, 0 for none.
	Run func() int
	// Timeout is how long a confirmation is waited for, at least a second.
	Timeout time.Duration
	// Tell, where not nil, says something to the operator, on the operator's own terminal where there is one: that it
	// gets there, and is acknowledged, shows that the connection lives.
	Tell func(string)
	// Interrupted, where not nil, returns why the operator wants the change taken back now, nil while that is not so.
	Interrupted func() error
	// Restore is the command that takes a change back, to which its flags and the path of its file are added. Its first
	// word is the absolute path of a program.
	Restore []string
}
