package host

// Survey is what may keep a path from being changed.
type Survey struct {
	// Real is the path as Resolve has it.
	Real string
	// ReadOnly says that it is on a file system that is mounted read-only.
	ReadOnly bool
	// Flags are those of what is there, Folder those of the folder that it is in; none where there is
	// no such thing.
	Flags, Folder Flags
	// Mounted says that something is mounted there, be it on a single file.
	Mounted bool
}
