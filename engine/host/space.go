package host

// Space is the room that a file system has.
type Space struct {
	// Free is how many bytes a process without privilege may still take: less than there are where some are kept
	// for root. It is math.MaxInt64 where the file system sets no limit (ramfs).
	Free int64
	// Total is how many bytes the file system has, 0 where it sets no limit.
	Total int64
	// Dev is the same for all that take of one and the same room.
	Dev uint64
	// Type is the file system's name, such as ext4 (which stands for ext2 and ext3 too), xfs or tmpfs, or its
	// number in hex (statfs(2)) where that has no name here.
	Type string
	// Dir is the folder that was looked at.
	Dir string
}
