package worker

import "time"

// pace is how fast things go, as averages in which what was lately counts most.
type pace struct {
	token  average // seconds a token of a prompt
	step   average // seconds a step that brings each sequence one token
	length average // tokens of a generation
}

// average is an exponentially weighted mean; of the first values it is the plain one, as the very first is often far off: what
// has never been computed is not in the processor's caches yet.
type average struct {
	value float64
	count int
}

// weight is how much the newest value counts, and enough is after how many values the mean says something.
const (
	weight = 0.1
	enough = 8
)

func (a *average) add(v float64) {
	a.count++
	a.value += max(weight, 1/float64(a.count)) * (v - a.value)
}

// known is the mean, 0 where there is not enough to tell: nobody is refused for what one slow step let expect.
func (a *average) known() float64 {
	if a.count < enough {
		return 0
	}
	return a.value
}

// stepped takes in a step of so many tokens, of which so many were of prompts.
func (p *pace) stepped(took time.Duration, tokens, prompts int) {
	if prompts*2 > tokens {
		p.token.add(took.Seconds() / float64(tokens))
	} else {
		p.step.add(took.Seconds())
	}
}

func (p *pace) finished(generated int) { p.length.add(float64(generated)) }

// left is how long a sequence will still be computed.
func (p *pace) left(q *sequence) time.Duration {
	more := float64(q.limit - len(q.tokens))
	if p.length.count > 0 {
		more = min(more, max(1, p.length.value-float64(q.generated())))
	}
	seconds := float64(len(q.pending()))*p.token.known() + more*p.step.known()
	return time.Duration(seconds * float64(time.Second))
}

// load is the work that is there.
type load struct {
	running, waiting int
	work             time.Duration // of all together
}

func (p *pace) load(running []*sequence, waiting ...[]*sequence) load {
	l := load{running: len(running)}
	for _, q := range running {
		l.work += p.left(q)
	}
	for _, all := range waiting {
		l.waiting += len(all)
		for _, q := range all {
			l.work += p.left(q)
		}
	}
	return l
}

// wait is how long one more would wait until it runs, where so many run at once.
func (l load) wait(parallel int) time.Duration {
	if l.running+l.waiting < parallel {
		return 0
	}
	return l.work / time.Duration(parallel)
}
