// Package crash works out which trees a power cut may leave behind a program, from the tree it
// started with and the recorded trace of what it did.
//
// The model is POSIX at its least obliging. A call takes effect in memory; only a sync makes it
// last:
//
//   - fsync of a file keeps its content, mode, owner and extended attributes; fdatasync keeps the
//     content alone. Neither keeps the file's name, also if ext4 would.
//   - fsync of a directory keeps the names in it (what was created, renamed, removed), not the
//     content of the files, and not its own name in its parent.
//   - syncfs and sync keep everything.
//
// Of what is not kept, a crash leaves any part: of one directory's changes any first few, in
// order; of a file's writes any first few, the last of them whole, cut short, or with its length
// but as zeros, and an earlier one missing; of its changes of mode, owner and attributes any
// first few. Directories, files and their metadata lose independently of each other. A state that keeps
// one change of names but not an older one is marked State.Reordered: a journalling file system
// would not leave it, POSIX lets it. One rename within a directory is atomic; a file renamed to
// another directory may be in both, not in neither.
//
// Times are not modelled, nor is more than one file system.
package crash
