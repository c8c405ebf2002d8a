package main

// forbidWriting does nothing: Windows has no Landlock. That plan cannot write rests on the type
// that planning is handed.
func forbidWriting() error { return nil }
