package trace

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// arrival is a thread held at the entry of a point.
type arrival struct {
	tid  int
	info syscallInfo
}

// loop serves the tracees' stops until there is none left.
func (t *tracer) loop() {
	for {
		var ws unix.WaitStatus
		tid, err := wait(-1, &ws)
		if err != nil {
			// ECHILD: all have been reaped.
			break
		}
		if ws.Stopped() {
			t.stopped(tid, ws)
		} else {
			t.ended(tid, ws)
		}
	}
	t.res.Blind = slices.Sorted(maps.Keys(t.blind))
}

func (t *tracer) ended(tid int, ws unix.WaitStatus) {
	if tid == t.root {
		t.res.Status = ws
	}
	t.mu.Lock()
	delete(t.tids, tid)
	t.mu.Unlock()
	t.release(tid)
}

// thread is the tracee's record, made when it is first heard of.
func (t *tracer) thread(tid int) (th *thread, dying bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	th = t.tids[tid]
	if th == nil {
		th = &thread{process: processOf(tid), fresh: true}
		t.tids[tid] = th
	}
	return th, t.dying
}

func (t *tracer) stopped(tid int, ws unix.WaitStatus) {
	th, dying := t.thread(tid)
	if dying {
		_ = unix.Kill(tid, unix.SIGKILL)
		return
	}
	sig := ws.StopSignal()
	switch {
	case sig == unix.SIGTRAP|0x80:
		t.syscallStop(tid, th)
	case sig == unix.SIGTRAP && ws.TrapCause() > 0:
		if ws.TrapCause() == unix.PTRACE_EVENT_EXEC {
			t.execed(tid)
		}
		t.resume(tid, 0)
	case sig == unix.SIGSTOP && th.fresh:
		th.fresh = false
		t.resume(tid, 0)
	default:
		t.resume(tid, int(sig))
	}
}

// execed forgets what the old program's threads were doing: whichever called exec now has the
// process's id, and the ids of the others are gone without further word.
func (t *tracer) execed(tid int) {
	former, err := unix.PtraceGetEventMsg(tid)
	t.mu.Lock()
	if err == nil && int(former) != tid {
		delete(t.tids, int(former))
	}
	t.tids[tid] = &thread{process: tid}
	t.mu.Unlock()
	t.release(tid)
}

// resume lets a tracee run to its next stop. ESRCH is one that was killed meanwhile.
func (t *tracer) resume(tid, sig int) {
	if err := unix.PtraceSyscall(tid, sig); err != nil && err != unix.ESRCH {
		t.fail(fmt.Errorf("cannot resume thread %d: %w", tid, err))
	}
}

// fail ends the run on a failure of our own: a trace with a hole is worse than none.
func (t *tracer) fail(err error) {
	if t.err == nil {
		t.err = err
	}
	t.kill()
}

func (t *tracer) syscallStop(tid int, th *thread) {
	info, err := getSyscallInfo(tid)
	switch {
	case err == unix.ESRCH:
	case err != nil:
		t.fail(fmt.Errorf("cannot ask thread %d for its system call: %w", tid, err))
	case info.op == stopEntry && t.busy != 0:
		// Points run one at a time; what the thread names is looked up when its turn comes.
		if _, candidate := t.classes[info.words[0]]; candidate || t.opt.Extra != nil {
			t.hold(arrival{tid, info}, th)
			return
		}
		t.resume(tid, 0)
	case info.op == stopEntry:
		t.enter(arrival{tid, info}, th)
	case info.op == stopExit && th.pending != nil:
		t.leave(tid, th, int64(info.words[0]))
	default:
		t.resume(tid, 0)
	}
}

// hold keeps a thread from a point while another is inside one, and only from a point: a write
// to a pipe may be what the other is waiting for.
func (t *tracer) hold(a arrival, th *thread) {
	if c := t.decode(a, th); c == nil {
		t.resume(a.tid, 0)
		return
	}
	t.queue = append(t.queue, a)
}

// enter lets a thread into its call, killing before it if that is the point to kill at.
func (t *tracer) enter(a arrival, th *thread) {
	c := t.decode(a, th)
	if c == nil {
		t.resume(a.tid, 0)
		return
	}
	c.ev.Index = len(t.res.Points) + 1
	t.res.Points = append(t.res.Points, c.ev.Point)
	if t.opt.Kill == KillBefore(c.ev.Index) {
		// The kernel skips a call whose thread is killed in its entry stop.
		t.res.Fired = true
		t.kill()
		return
	}
	if t.rec != nil {
		t.rec.before(c)
	}
	th.pending, t.busy = c, a.tid
	t.resume(a.tid, 0)
}

// leave ends a point.
func (t *tracer) leave(tid int, th *thread, result int64) {
	c := th.pending
	th.pending = nil
	if restarted(result) {
		t.res.Points = t.res.Points[:len(t.res.Points)-1]
	} else {
		t.finish(c, result)
		if t.opt.Kill == KillAfter(c.ev.Index) {
			t.res.Fired = true
			t.kill()
			return
		}
	}
	t.resume(tid, 0)
	t.release(tid)
}

// restarted is whether a signal took the thread out of the call, which will be made again. The
// kernel's ERESTART codes are 512 to 516 and never reach the program.
func restarted(result int64) bool { return result <= -512 && result >= -516 }

func (t *tracer) finish(c *call, result int64) {
	c.ev.Done, c.ev.Result = true, result
	if t.rec != nil {
		if c.ev.OK() {
			if err := t.rec.after(c); err != nil {
				t.fail(err)
			}
		}
		t.res.Events = append(t.res.Events, c.ev)
	}
	t.res.Points[c.ev.Index-1] = c.ev.Point
}

// release ends the thread's hold on the points, if it has it, and lets the next one in.
func (t *tracer) release(tid int) {
	if t.busy != tid {
		return
	}
	t.busy = 0
	for t.busy == 0 && len(t.queue) > 0 {
		a := t.queue[0]
		t.queue = t.queue[1:]
		t.mu.Lock()
		th, dying := t.tids[a.tid], t.dying
		t.mu.Unlock()
		if dying {
			return
		}
		if th != nil {
			t.enter(a, th)
		}
	}
}

// decode tells what a call at its entry is, nil if it is no point.
func (t *tracer) decode(a arrival, th *thread) *call {
	c := &call{record: t.rec != nil}
	c.Nr, c.Args = a.info.words[0], [6]uint64(a.info.words[1:])
	c.Process, c.Thread = th.process, a.tid
	if c.Name = t.names[c.Nr]; c.Name == "" {
		c.Name = fmt.Sprintf("syscall %d", c.Nr)
	}
	if a.info.arch != nativeArch {
		t.blind["system calls of another architecture"] = true
		return nil
	}
	class, known := t.classes[c.Nr]
	point := known && class.decode(c)
	if c.err != nil {
		t.fail(c.err)
		return nil
	}
	counts := c.whole || under(t.opt.Under, c.ev.Path) || c.ev.To != "" && under(t.opt.Under, c.ev.To)
	if c.blind && counts {
		t.blind[strings.TrimSpace(c.Name+" "+c.ev.Path)] = true
	}
	if !point || !counts {
		if t.opt.Extra == nil || !t.opt.Extra(c.Syscall) {
			return nil
		}
		c.ev, c.file = Event{Point: Point{Op: OpOther}}, place{}
	}
	c.ev.Call, c.ev.Process, c.ev.Thread = c.Name, c.Process, c.Thread
	return c
}

// processOf is the process of a thread.
func processOf(tid int) int {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", tid))
	for line := range strings.Lines(string(b)) {
		var tgid int
		if _, err := fmt.Sscanf(line, "Tgid: %d", &tgid); err == nil {
			return tgid
		}
	}
	return tid
}
