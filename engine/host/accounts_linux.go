package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// nameServiceDeadline bounds a question to a directory server that does not answer.
const nameServiceDeadline = 10 * time.Second

// accountState tells whether what is remembered can still be true.
type accountState struct {
	modTime  time.Time
	size     int64
	ino      uint64
	programs uint64
}

func (t *accountTable) id(name string) (int, error) {
	if name == "root" {
		return 0, nil
	}
	if id, ok := decimal(name); ok {
		return id, nil
	}
	if name == "" || strings.HasPrefix(name, "-") || strings.ContainsAny(name, ":\n\x00") {
		return 0, &UnknownAccountError{t.kind, strconv.Quote(name)}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.refresh(); err != nil {
		return 0, fmt.Errorf("cannot look up %s %s: %w", t.kind, name, err)
	}
	if id, ok := t.ids[name]; ok {
		return id, nil
	}
	id, ok := t.askedIDs[name]
	if !ok {
		var err error
		if _, id, err = t.ask(name); err != nil {
			return 0, fmt.Errorf("cannot look up %s %s: %w", t.kind, name, err)
		}
		t.askedIDs[name] = id
	}
	if id < 0 {
		return 0, &UnknownAccountError{t.kind, name}
	}
	return id, nil
}

// name has no error to return: a name service that does not answer leaves the number,
// which is as true.
func (t *accountTable) name(id int) string {
	if id == 0 {
		return "root"
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	number := strconv.Itoa(id)
	if t.refresh() != nil {
		return number
	}
	if name, ok := t.names[id]; ok {
		return name
	}
	name, ok := t.askedNames[id]
	if !ok {
		name, _, _ = t.ask(number)
		t.askedNames[id] = name
	}
	if name == "" {
		return number
	}
	return name
}

// decimal reads a number as chown(1) does. The highest is what stands for "keep".
func decimal(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return int(n), err == nil && n != 1<<32-1
}

// refresh reads the file again if it is another one than was read.
func (t *accountTable) refresh() error {
	now := accountState{programs: t.programs.count.Load()}
	info, err := t.tree.Stat(t.file)
	absent := errors.Is(err, fs.ErrNotExist)
	if err != nil && !absent {
		return err
	}
	now.modTime, now.size, now.ino = info.ModTime, info.Size, info.Ino
	if t.ids != nil && now == t.known {
		return nil
	}
	var content []byte
	if !absent {
		if content, err = t.tree.ReadFile(t.file); err != nil {
			return err
		}
	}
	t.known, t.askedIDs, t.askedNames = now, map[string]int{}, map[int]string{}
	t.ids, t.names = parseAccounts(string(content))
	return nil
}

// parseAccounts reads lines of "name:password:number". Where two share a name or number
// the first counts, as it does for the C library. Lines of "+" refer to NIS.
func parseAccounts(content string) (map[string]int, map[int]string) {
	ids, names := map[string]int{}, map[int]string{}
	for line := range strings.Lines(content) {
		name, id, ok := parseAccount(line)
		if !ok {
			continue
		}
		if _, seen := ids[name]; !seen {
			ids[name] = id
		}
		if _, seen := names[id]; !seen {
			names[id] = name
		}
	}
	return ids, names
}

func parseAccount(line string) (string, int, bool) {
	f := strings.Split(strings.TrimRight(line, "\n"), ":")
	if len(f) < 3 || f[0] == "" || strings.ContainsAny(f[0][:1], "+-#") {
		return "", 0, false
	}
	id, ok := decimal(f[2])
	return f[0], id, ok
}

// ask asks the name service of a running system for a name or number. An account that it
// does not know is "" and -1; so is every account where there is no service to ask.
func (t *accountTable) ask(key string) (string, int, error) {
	if t.programs.offline {
		return "", -1, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), nameServiceDeadline)
	defer cancel()
	out, err := Queries{t.programs}.Query(ctx, "getent", t.database, key)
	if out.Exit == 2 || errors.Is(err, exec.ErrNotFound) { // 2: not found
		return "", -1, nil
	}
	if err != nil {
		return "", -1, err
	}
	name, id, ok := parseAccount(string(out.Stdout))
	if !ok {
		return "", -1, fmt.Errorf("getent printed %q", out.text())
	}
	return name, id, nil
}
