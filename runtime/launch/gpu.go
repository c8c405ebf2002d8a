package launch

import (
	"path/filepath"

	"github.com/agent0-converge/agent0-converge/runtime/confine"
)

// gpuFiles are what the drivers of GPUs need besides what every engine does: the libraries of backends and of CUDA and ROCm, which
// have folders of their own, what tells of the drivers and of the devices, and the devices.
func gpuFiles(backends string) confine.Files {
	f := confine.Files{
		Run: []string{backends, "/opt/cuda", "/opt/rocm", "/usr/local/cuda"},
		Read: []string{
			"/etc/OpenCL", "/etc/vulkan", "/sys/bus/pci", "/sys/class/drm", "/sys/class/kfd", "/sys/dev/char", "/sys/module",
			"/usr/local/share/vulkan", "/usr/share/drirc.d", "/usr/share/libdrm", "/usr/share/nvidia", "/usr/share/vulkan",
		},
		Devices: []string{"/dev/dri", "/dev/dxg", "/dev/kfd", "/dev/nvidia-caps"}, // dxg is WSL's
	}
	if found, err := filepath.Glob("/dev/nvidia*"); err == nil { // the pattern is right
		f.Devices = append(f.Devices, found...)
	}
	return f
}
