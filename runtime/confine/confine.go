// Package confine takes from this process, and from what it becomes by exec, what an engine has no use for: files but its
// own, the network, and the calls that attacks on kernels begin with. An engine reads models that somebody trained and prompts
// that somebody sent, in C++: what that may be made to do must come to nothing.
package confine

// Files are what an engine may reach.
type Files struct {
	// Read are files that it may read: its configuration and the model.
	Read []string
	// Run are folders and files that it may read and run: its program, and the libraries of the system and of backends.
	Run []string
	// Devices are files and folders that it may read and write, such as /dev/nvidia0.
	Devices []string
}

// System are the folders of a Linux system from which programs load libraries and learn about the CPU. What is not there
// is left out.
func System() Files {
	return Files{
		Run:     []string{"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"},
		Read:    []string{"/etc/ld.so.cache", "/proc", "/sys/devices/system", "/sys/fs/cgroup", "/dev/urandom", "/usr/share/zoneinfo", "/etc/localtime"},
		Devices: []string{"/dev/null"},
	}
}

// Add returns both.
func (f Files) Add(g Files) Files {
	return Files{append(f.Read[:len(f.Read):len(f.Read)], g.Read...), append(f.Run[:len(f.Run):len(f.Run)], g.Run...),
		append(f.Devices[:len(f.Devices):len(f.Devices)], g.Devices...)}
}
