package accounts

import "github.com/agent0-converge/agent0-converge/engine/host"

// NewTable is a table with that content.
func NewTable(name, content string) *Table { return newTable(name, host.Info{}, content) }
