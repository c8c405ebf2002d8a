package main

import (
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/journal"
)

// The JSON of "show RUN".
type (
	jsonPastRun struct {
		journal.RunInfo
		Changes []jsonPastChange `json:"changes"`
		Calls   []jsonCall       `json:"calls"`
	}
	jsonPastChange struct {
		Addr   engine.Addr        `json:"address"`
		Kind   string             `json:"kind"`
		Action engine.Action      `json:"action"`
		Origin engine.Origin      `json:"origin"`
		Claims []engine.Claim     `json:"claims"`
		Fields []engine.FieldDiff `json:"fields,omitempty"`
		Why    string             `json:"why,omitempty"`
		Irrev  string             `json:"irreversible,omitempty"`
		// Settled changed the ledger alone, Cut was begun and never ended.
		Settled bool       `json:"settled,omitempty"`
		Cut     bool       `json:"cut,omitempty"`
		Error   string     `json:"error,omitempty"`
		Began   time.Time  `json:"began"`
		Took    float64    `json:"seconds"`
		Calls   []jsonCall `json:"calls,omitempty"`
	}
	jsonCall struct {
		Argv   []string `json:"argv"`
		Exit   int      `json:"exit"`
		Took   float64  `json:"seconds"`
		Output string   `json:"output,omitempty"`
	}
)

func pastRunDocument(run *journal.Run) jsonPastRun {
	out := jsonPastRun{RunInfo: run.RunInfo, Changes: []jsonPastChange{}, Calls: callDocuments(run.Calls)}
	for _, c := range run.Changes {
		out.Changes = append(out.Changes, jsonPastChange{
			Addr: c.Addr, Kind: c.Kind, Action: c.Action, Origin: c.Origin, Claims: c.Claims, Fields: c.Fields,
			Why: c.Why, Irrev: c.Irreversible, Settled: c.Settled, Cut: !c.Ended, Error: c.Error,
			Began: c.Began, Took: c.Took.Seconds(), Calls: callDocuments(c.Calls),
		})
	}
	return out
}

func callDocuments(calls []journal.Call) []jsonCall {
	out := []jsonCall{}
	for _, c := range calls {
		out = append(out, jsonCall{Argv: c.Argv, Exit: c.Exit, Took: c.Took.Seconds(), Output: c.Output})
	}
	return out
}
