package level

import "golang.org/x/sys/cpu"

// Supported returns the levels that this CPU can run, best first.
func Supported() []Level {
	if cpu.ARM64.HasASIMDDP {
		return []Level{ARMDot, ARM}
	}
	return []Level{ARM}
}
