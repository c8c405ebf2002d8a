package engine

import (
	"reflect"
	"strings"
)

// List is a list of strings that a plan may also write as one string, number or bool, as systemd's
// directives are: After = "a.target", Nice = 5, or After = ["a.target", "b.target"].
type List []string

var listType = reflect.TypeFor[List]()

// String is the list as a plan would write it: one element by itself.
func (l List) String() string {
	if len(l) == 1 {
		return l[0]
	}
	return "[" + strings.Join(l, ", ") + "]"
}
