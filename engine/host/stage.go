package host

// Staged is one write that is prepared and not yet published.
type Staged struct{ file *stagedFile }

// Stage returns a host on which the one Write that follows is prepared beside its place, and not yet
// durable nor visible: Publish makes many of them so at once, which costs a disk far less than one
// after another. Whatever else is changed on that host is changed at once.
func (h *Host) Stage() (*Host, *Staged) {
	s := &Staged{}
	staging, files := *h, *h.Files
	files.staged = s
	staging.Files = &files
	return &staging, s
}

// Discard removes what was prepared, where it will not be published.
func (s *Staged) Discard() error {
	if s.file == nil {
		return nil
	}
	return s.file.discard()
}
