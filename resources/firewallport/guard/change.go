package guard

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// format is that of the files.
const format = 1

// stage is what has been decided about a change.
type stage string

const (
	pending     stage = "pending"
	confirmed   stage = "confirmed"
	reverting   stage = "reverting"
	withdrawing stage = "withdrawing"
	// known is no stage: such a file lies beside.
	known stage = "known"
)

// stages are in the order in which a change goes through them, so that who looks for one after the other misses none.
func stages() []stage { return []stage{pending, confirmed, reverting, withdrawing} }

// Swap is what an owner is told about one of its states: which lines go and which come.
type Swap struct {
	Out []owner.Line `json:"out"`
	In  []owner.Line `json:"in"`
}

// change is a change and all that it takes to end it either way.
type change struct {
	Format int    `json:"format"`
	Run    int    `json:"run"`
	Word   string `json:"word"` // tells it from other changes of the run
	Owner  string `json:"owner"`
	// Boot is in which start of the host it runs, and Deadline when it goes back, on the monotonic clock of that.
	Boot     string        `json:"boot"`
	Deadline time.Duration `json:"deadline"`
	Until    time.Time     `json:"until"` // the same, for people
	Persist  Swap          `json:"persist"`
	// BackRunning and BackPersistent bring each state back to what it was.
	BackRunning    Swap `json:"back_running"`
	BackPersistent Swap `json:"back_persistent"`
	// Service takes it back, "" where a process does.
	Service string `json:"service,omitempty"`
	// Own are the operator's connections, Before all those to sshd at that time.
	Own    []session `json:"own"`
	Before []session `json:"before"`
}

// describe is a change before it is made.
func describe(ctx context.Context, h *host.Host, o owner.Owner, at scene, running, persistent Swap) (*change, error) {
	was, err := o.Read(ctx, h.View())
	if err != nil {
		return nil, err
	}
	boot, err := bootOf(h.Files.Tree)
	if err != nil {
		return nil, err
	}
	limit := h.Confirm.Timeout
	c := &change{
		Format: format, Run: h.Confirm.Run(), Word: strings.ToLower(rand.Text()[:10]), Owner: o.Name(), Boot: boot,
		Deadline: host.Monotonic() + limit, Until: time.Now().Add(limit).UTC(), Persist: persistent,
		BackRunning: running.back(was.Running), BackPersistent: persistent.back(was.Persistent), Own: at.own, Before: at.all,
	}
	if h.View().Units.Running() {
		c.Service = fmt.Sprintf("agent0-converge-firewall-%d-%s.service", c.Run, c.Word)
	}
	return c, nil
}

// back is what takes s back: not its reverse, since what it puts in may have been there, and what it takes out not.
func (s Swap) back(was map[string]owner.Line) Swap {
	b := Swap{Out: []owner.Line{}, In: []owner.Line{}}
	seen := map[string]bool{}
	for _, line := range s.In {
		if had, ok := was[line.Key]; !ok || had != line {
			b.Out = append(b.Out, line)
		}
	}
	for _, lines := range [][]owner.Line{s.Out, s.In} {
		for _, line := range lines {
			had, ok := was[line.Key]
			if ok && !seen[line.Key] {
				b.In = append(b.In, had)
			}
			seen[line.Key] = true
		}
	}
	return b
}

// bootOf names the start of the host, or of the container: by the kernel's (random(4)) and that of its first process.
func bootOf(t host.Tree) (string, error) {
	id, err := t.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("cannot tell which start of the host this is: %w", err)
	}
	first, err := readProcess(t, 1)
	if err != nil {
		return "", fmt.Errorf("cannot tell which start of the host this is: %w", err)
	}
	return strings.TrimSpace(string(id)) + "/" + first.started, nil
}

func (c *change) file(s stage) string {
	return fmt.Sprintf("%s/%06d-%s.%s", engine.ConfirmDir, c.Run, c.Word, s)
}

func private() host.Attr { return host.Attr{Mode: 0o600, UID: -1, GID: -1} }

// write makes the file, durable and whole.
func (c *change) write(h *host.Host) error {
	b, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("cannot describe a change of the firewall: %w", err)
	}
	return h.Files.Write(c.file(pending), b, private())
}

// know notes which connections are there after the change.
func (c *change) know(ctx context.Context, h *host.Host) error {
	conns, err := connections(ctx, h.View())
	if err != nil {
		return err
	}
	b, err := json.Marshal(sessionsOf(conns))
	if err != nil {
		return fmt.Errorf("cannot describe the connections of this host: %w", err)
	}
	return h.Files.Write(c.file(known), b, private())
}

// knows returns what know noted; nil where whoever changed did not get that far.
func (c *change) knows(t host.Tree) ([]session, error) {
	b, err := t.ReadFile(c.file(known))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []session
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", c.file(known), err)
	}
	return all, nil
}

// stage returns what has been decided, "" if the change has ended.
func (c *change) stage(t host.Tree) (stage, error) {
	for _, s := range stages() {
		_, err := t.Lstat(c.file(s))
		if err == nil {
			return s, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", nil
}

// decide takes the change from one stage to another. It is false if somebody else was faster.
func (c *change) decide(h *host.Host, from, to stage) (bool, error) {
	err := h.Files.Rename(c.file(from), c.file(to))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// hold takes the lock, and waits for it as long.
func hold(ctx context.Context, h *host.Host, wait time.Duration) (io.Closer, error) {
	if err := h.Files.MkdirAll(engine.ConfirmDir, 0o700); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return h.Files.Lock(ctx, path.Join(engine.ConfirmDir, "lock"), "a change of the firewall")
}
