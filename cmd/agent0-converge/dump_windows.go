package main

// forbidDumps does nothing: on Windows, whether a program's memory is kept when it crashes is set for
// the whole machine (Windows Error Reporting), and it is not by default.
func forbidDumps() error { return nil }
