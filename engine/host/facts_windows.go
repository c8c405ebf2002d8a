package host

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// gatherFacts asks the system and the registry and runs nothing.
func gatherFacts(_ Tree, offline bool) Facts {
	f := Facts{OS: "windows", SELinux: "disabled", Distro: Distro{ID: "windows", Name: "Windows"}}
	if offline {
		f.Unknown = []string{"arch", "kernel", "hostname", "virtualization", "firewall", "cpus", "memory", "gpus"}
		return f
	}
	f.Unknown = []string{"virtualization", "firewall"}
	v := windows.RtlGetVersion()
	f.Kernel = fmt.Sprintf("%d.%d.%d", v.MajorVersion, v.MinorVersion, v.BuildNumber)
	f.Distro.Version, f.Arch, f.CPUs = f.Kernel, runtime.GOARCH, runtime.NumCPU()
	if name, err := os.Hostname(); err == nil {
		f.Hostname = name
	} else {
		f.Unknown = append(f.Unknown, "hostname")
	}
	if f.Memory = physicalMemory(); f.Memory == 0 {
		f.Unknown = append(f.Unknown, "memory")
	}
	f.GPUs = displayAdapters()
	return f
}

// memoryStatus is MEMORYSTATUSEX.
type memoryStatus struct {
	length, load                                       uint32
	totalPhys, availPhys, totalPage, availPage         uint64
	totalVirtual, availVirtual, availExtendedVirtual64 uint64
}

func physicalMemory() int64 {
	m := memoryStatus{}
	m.length = uint32(unsafe.Sizeof(m))
	status := windows.NewLazySystemDLL("kernel32.dll").NewProc("GlobalMemoryStatusEx")
	if ok, _, _ := status.Call(uintptr(unsafe.Pointer(&m))); ok == 0 {
		return 0
	}
	return int64(m.totalPhys)
}

// displayAdapters reads the registry's class of display adapters.
func displayAdapters() []GPU {
	const class = `SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}`
	all, err := registry.OpenKey(registry.LOCAL_MACHINE, class, registry.ENUMERATE_SUB_KEYS)
	if err != nil {
		return nil
	}
	defer all.Close()
	names, _ := all.ReadSubKeyNames(-1) // beside adapters it has keys that only the system may read
	var gpus []GPU
	for _, name := range names {
		if gpu, ok := adapter(class + `\` + name); ok {
			gpus = append(gpus, gpu)
		}
	}
	return gpus
}

func adapter(key string) (GPU, bool) {
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, key, registry.QUERY_VALUE)
	if err != nil {
		return GPU{}, false
	}
	defer k.Close()
	device, _, err := k.GetStringValue("MatchingDeviceId")
	vendor := adapterVendor(strings.ToLower(device))
	if err != nil || vendor == "" {
		return GPU{}, false
	}
	name, _, _ := k.GetStringValue("DriverDesc")
	memory, _, _ := k.GetIntegerValue("HardwareInformation.qwMemorySize")
	return GPU{Vendor: vendor, Name: name, Memory: int64(memory)}, true
}

func adapterVendor(device string) string {
	for id, vendor := range map[string]string{"ven_10de": "nvidia", "ven_1002": "amd", "ven_8086": "intel"} {
		if strings.Contains(device, id) {
			return vendor
		}
	}
	return ""
}
