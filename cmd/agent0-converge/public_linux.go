package main

// The modes of what everybody may read.
const (
	publicDir  = 0o755
	publicFile = 0o644
)
