package main

// What everybody may read is as its folder is: files have no modes.
const (
	publicDir  = 0
	publicFile = 0
)
