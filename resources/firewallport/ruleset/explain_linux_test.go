package ruleset

import (
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// What a kernel without nf_tables, or without nfnetlink, answers to the first request.
func TestMissing(t *testing.T) {
	for _, errno := range []unix.Errno{unix.EINVAL, unix.EPROTONOSUPPORT} {
		var missing *MissingError
		if err := explain(fmt.Errorf("cannot ask: %w", errno)); !errors.As(err, &missing) || !errors.Is(err, errno) {
			t.Errorf("%v: %v", errno, err)
		}
	}
	if err := explain(unix.EIO); err != unix.EIO {
		t.Errorf("another error: %v", err)
	}
}
