package level

import "golang.org/x/sys/cpu"

// Supported returns the levels that this CPU can run, best first.
func Supported() []Level { return supported(features()) }

// has is what of a CPU decides.
type has struct{ v2, v3, avxVNNI, v4, avx512VNNI bool }

func features() has {
	x := cpu.X86
	v2 := x.HasSSE3 && x.HasSSSE3 && x.HasSSE41 && x.HasSSE42 && x.HasPOPCNT && x.HasCX16
	v3 := v2 && x.HasAVX && x.HasAVX2 && x.HasBMI1 && x.HasBMI2 && x.HasFMA // F16C, LZCNT and MOVBE came with these
	v4 := v3 && x.HasAVX512F && x.HasAVX512BW && x.HasAVX512CD && x.HasAVX512DQ && x.HasAVX512VL
	return has{v2, v3, v3 && x.HasAVXVNNI, v4, v4 && x.HasAVX512VNNI && x.HasAVX512VBMI && x.HasAVX512BF16}
}

func supported(h has) []Level {
	var all []Level
	for _, l := range []struct {
		level Level
		ok    bool
	}{{V4VNNI, h.avx512VNNI}, {V3VNNI, h.avxVNNI}, {V3, h.v3}, {V2, h.v2}} {
		if l.ok {
			all = append(all, l.level)
		}
	}
	return all
}
