package host

// Whole is what is at a path. Of a regular file that is not too large it is all there is, of one and the
// same file; of anything else no more than Info.
type Whole struct {
	Info
	Content []byte
	// Xattrs are the extended attributes, nil for none.
	Xattrs map[string][]byte
}
