package main

import (
	"io"
	"os"
)

// style colours text for a terminal; its zero value colours nothing.
type style struct{ on bool }

// styleFor colours only what a person reads: a terminal, unless NO_COLOR (no-color.org) is set.
func styleFor(w io.Writer, never bool) style {
	return style{on: !never && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && terminal(w) != nil}
}

// SGR parameters of ECMA-48.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
	dim    = "2"
	bold   = "1"
)

func (s style) paint(code, text string) string {
	if !s.on {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
