// Package guest boots a Debian with a kernel of its own in QEMU: the second level of the lab, for what a machine in
// namespaces cannot show. docs/design/lab.md says what that is, and what it costs.
//
// A test needs one line:
//
//	rc, out := guest.Run(t, guest.Options{}, "uname -r", nil)
//
// or, to take a package's own tests there as root:
//
//	guest.GoTest(t, guest.Options{}, "./", "-test.run=Verity")
//
// A guest that does not say how its script ended has failed. It ends when the test's process does.
package guest
