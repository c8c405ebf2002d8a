// Package trace watches a program with ptrace, over all its threads and children, and counts
// the system calls that change files: its points. A run can be killed before or after any one
// point, and the effect of every point can be recorded, so that package crash can work out
// what a power cut would have left.
//
// Points are numbered at their entry and run one at a time: a thread that arrives at a point
// while another is inside one waits, so that "killed before point n" means that exactly n-1
// points have happened. A call that is going to fail is a point too, since nobody can know at
// its entry.
//
// Not seen are stores into shared file mappings and io_uring. Result.Blind lists such doings,
// and a caller that relies on the trace should refuse a run that has any.
package trace
