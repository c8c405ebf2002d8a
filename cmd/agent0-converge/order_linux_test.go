package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine/journal"
	"github.com/agent0-converge/agent0-converge/internal/lab/trace"
)

// checkOrder walks the trace of an apply and fails where something shows before it is durable.
func checkOrder(t *testing.T, events []trace.Event) {
	t.Helper()
	var (
		unsynced = map[trace.Node]trace.Event{} // files with changes that a power cut may take
		renamed  = map[string]trace.Event{}     // directories whose last rename may be lost
		begun    = false                        // a record of a change that may be lost
		renames  int
		changes  int
	)
	for _, e := range events {
		if !e.OK() {
			continue
		}
		inJournal := strings.Contains(e.Path, journal.Dir)
		if begun && !inJournal && e.Op != trace.OpFsync {
			t.Errorf("%s touches the host before the record of the change is durable", e)
		}
		if !inJournal {
			changes++
		}
		switch e.Op {
		case trace.OpWrite, trace.OpChmod, trace.OpChown, trace.OpSetxattr, trace.OpTruncate:
			unsynced[e.Node] = e
			begun = begun || inJournal && bytes.Contains(e.Data, []byte(`"begin":`))
		case trace.OpFsync, trace.OpFdatasync:
			if inJournal {
				begun = false
			}
			delete(unsynced, e.Node)
			delete(renamed, e.Path)
		case trace.OpRename:
			renames++
			if last, ok := unsynced[e.Node]; ok {
				t.Errorf("%s comes before the data of %s is durable", e, last)
			}
			renamed[filepath.Dir(e.To)] = e
		}
	}
	for dir, e := range renamed {
		t.Errorf("%s: directory %s is never made durable", e, dir)
	}
	t.Logf("%d events, %d of them on the host, %d renames", len(events), changes, renames)
	if renames < 10 || changes < 30 {
		t.Errorf("the run did too little to prove anything")
	}
}
