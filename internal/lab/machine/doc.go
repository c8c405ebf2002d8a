// Package machine boots a real systemd as PID 1, in namespaces of its own, on an overlay over a Debian root:
// the first level of the lab. docs/design/lab.md says what such a machine can show and what it cannot.
//
// A test needs one line:
//
//	m := machine.Booted(t, machine.Options{})
//
// and has a machine to Run programs in, to Put files into, to Reboot and to Kill. Whatever becomes of the
// test's process, no process, mount, cgroup or folder of the machine remains.
package machine
