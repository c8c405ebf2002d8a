// Package gotest takes the tests of a package elsewhere: it compiles them, and reads what became of them from what
// they printed there.
package gotest
