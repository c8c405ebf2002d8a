package host

import (
	"fmt"
	"strconv"
)

// accountState has nothing to tell on Windows.
type accountState struct{}

// id fails: accounts of Windows have security identifiers, and no number to stand for one.
func (t *accountTable) id(name string) (int, error) {
	return 0, fmt.Errorf("cannot look up %s %s: Windows accounts have no number; leave the owner out", t.kind, name)
}

func (t *accountTable) name(id int) string { return strconv.Itoa(id) }
