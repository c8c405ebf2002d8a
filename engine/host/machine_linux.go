package host

import (
	"path"
	"strconv"
	"strings"
)

// virtualization names the container or the virtual machine that the host is.
func (g gatherer) virtualization() string {
	if name := g.text("/run/systemd/container"); name != "" {
		return name
	}
	switch {
	case g.exists("/.dockerenv"):
		return "docker"
	case g.exists("/run/.containerenv"):
		return "podman"
	}
	dmi := g.text("/sys/class/dmi/id/sys_vendor") + " " + g.text("/sys/class/dmi/id/product_name")
	for _, vm := range [][2]string{
		{"KVM", "kvm"}, {"QEMU", "qemu"}, {"VMware", "vmware"}, {"VirtualBox", "oracle"}, {"innotek", "oracle"},
		{"Xen", "xen"}, {"Bochs", "bochs"}, {"Parallels", "parallels"}, {"BHYVE", "bhyve"},
		{"Amazon EC2", "amazon"}, {"Google Compute Engine", "google"}, {"Apple Virtualization", "apple"},
		{"Microsoft Corporation Virtual Machine", "microsoft"},
	} {
		if strings.Contains(dmi, vm[0]) {
			return vm[1]
		}
	}
	if g.hypervisorFlag() {
		return "vm-other"
	}
	return "none"
}

// hypervisorFlag reads only as much of the list of processors as the first one takes: the
// kernel makes the rest as it is read, which takes long with a hundred of them.
func (g gatherer) hypervisorFlag() bool {
	f, err := g.t.Open("/proc/cpuinfo")
	if err != nil {
		return false
	}
	defer f.Close()
	var page [4096]byte
	n, _ := f.Read(page[:])
	for line := range strings.Lines(string(page[:n])) {
		if strings.HasPrefix(line, "flags") {
			return strings.Contains(line, " hypervisor")
		}
	}
	return false
}

// gpus lists the display controllers of the makers that compute on them.
func (g gatherer) gpus() []GPU {
	const devices = "/sys/bus/pci/devices"
	names, err := g.t.ReadDir(devices)
	if err != nil {
		return nil
	}
	var gpus []GPU
	for _, name := range names {
		dir := path.Join(devices, name)
		if !strings.HasPrefix(g.text(dir+"/class"), "0x03") {
			continue
		}
		if vendor := gpuVendor(g.text(dir + "/vendor")); vendor != "" {
			gpus = append(gpus, GPU{Vendor: vendor, Name: g.gpuName(dir), Memory: g.gpuMemory(dir)})
		}
	}
	return gpus
}

func gpuVendor(id string) string {
	switch id {
	case "0x10de":
		return "nvidia"
	case "0x1002":
		return "amd"
	case "0x8086":
		return "intel"
	}
	return ""
}

func (g gatherer) gpuName(dir string) string {
	information := g.text("/proc/driver/nvidia/gpus/" + path.Base(dir) + "/information")
	for line := range strings.Lines(information) {
		if model, ok := strings.CutPrefix(line, "Model:"); ok {
			return strings.TrimSpace(model)
		}
	}
	if name := g.text(dir + "/product_name"); name != "" { // amdgpu
		return name
	}
	return strings.TrimPrefix(g.text(dir+"/vendor"), "0x") + ":" + strings.TrimPrefix(g.text(dir+"/device"), "0x")
}

func (g gatherer) gpuMemory(dir string) int64 {
	n, _ := strconv.ParseInt(g.text(dir+"/mem_info_vram_total"), 10, 64)
	return n
}
