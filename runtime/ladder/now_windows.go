package ladder

import (
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Look returns the present. Each start of Windows has another beginning; what is off by the time between two readings is less
// than the minute to which it is rounded.
func Look() (Now, error) {
	asleep, err := Asleep()
	began := time.Now().Add(-windows.DurationSinceBoot()).Round(time.Minute)
	return Now{Boot: began.UTC().Format(time.RFC3339), Asleep: asleep, Time: time.Now()}, err
}

// Asleep returns how long the machine has been suspended since it was started: the unbiased interrupt time, in units of 100 ns,
// stands still meanwhile (https://learn.microsoft.com/windows/win32/api/realtimeapiset/nf-realtimeapiset-queryunbiasedinterrupttime).
func Asleep() (time.Duration, error) {
	var awake uint64
	ok, _, err := windows.NewLazySystemDLL("kernel32.dll").NewProc("QueryUnbiasedInterruptTime").Call(uintptr(unsafe.Pointer(&awake)))
	if ok == 0 {
		return 0, fmt.Errorf("cannot read the clock: %w", err)
	}
	return windows.DurationSinceBoot() - time.Duration(awake*100), nil
}
