package trace

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// onQuietThread calls f on a thread of its own that has no children yet and waits for it.
//
// ptrace and wait4 with __WNOTHREAD belong to a thread. A thread that has already started a
// program for another goroutine will not do, as we would reap that program; nor will the main
// thread, which inherits the children of threads that end. The thread ends with f, and with it
// by PTRACE_O_EXITKILL whatever f may have left alive.
func onQuietThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if quiet() {
			f()
			return
		}
		// Holding this thread makes the next goroutine run on another one.
		onQuietThread(f)
		runtime.UnlockOSThread()
	}()
	<-done
}

// quiet reports whether this thread has no child: then wait4 will only ever give it our tracees.
func quiet() bool {
	if unix.Gettid() == unix.Getpid() {
		return false
	}
	const look = unix.WEXITED | unix.WNOWAIT | unix.WNOHANG | unix.WALL | wnothread
	return unix.Waitid(unix.P_ALL, 0, nil, look, nil) == unix.ECHILD
}
