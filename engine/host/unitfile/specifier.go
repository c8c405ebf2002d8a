package unitfile

import (
	"runtime"
	"strings"
)

// expand replaces the specifiers of systemd.unit(5) that [Install] knows. Those that tell of the
// system are read from the tree; one that it cannot tell is a fault.
func (in *install) expand(u *unit, s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		value, err := in.specifier(u, s[i])
		if err != nil {
			return "", err
		}
		b.WriteString(value)
	}
	if b.Len() > maxName+1 {
		return "", faultf(bad, "%s becomes longer than a unit's name can be", s)
	}
	return b.String(), nil
}

func (in *install) specifier(u *unit, c byte) (string, error) {
	prefix, instance, suffix, at := parts(u.name)
	if at && instance == "" {
		instance = u.defaultInstance
	}
	whole := prefix
	if at {
		whole += "@" + instance
	}
	switch c {
	case '%':
		return "%", nil
	case 'p':
		return prefix, nil
	case 'j':
		return prefix[strings.LastIndexByte(prefix, '-')+1:], nil
	case 'i':
		return instance, nil
	case 'N':
		return whole, nil
	case 'n':
		return whole + suffix, nil
	case 'u', 'g':
		return "root", nil
	case 'U', 'G':
		return "0", nil
	}
	if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
		return in.system(c)
	}
	return "%" + string(c), nil
}

// system answers the specifiers of the machine: of a running system what its kernel says, of an
// image what its files say.
func (d *disk) system(c byte) (string, error) {
	release := map[byte]string{'A': "IMAGE_VERSION", 'B': "BUILD_ID", 'M': "IMAGE_ID", 'o': "ID", 'w': "VERSION_ID", 'W': "VARIANT_ID"}
	if key, ok := release[c]; ok {
		return d.variable(key, "/etc/os-release", "/usr/lib/os-release"), nil
	}
	switch c {
	case 'a':
		return architecture(), nil
	case 'H':
		return d.first(c, "/proc/sys/kernel/hostname", "/etc/hostname")
	case 'l':
		name, err := d.first(c, "/proc/sys/kernel/hostname", "/etc/hostname")
		name, _, _ = strings.Cut(name, ".")
		return name, err
	case 'q':
		if name := d.variable("PRETTY_HOSTNAME", "/etc/machine-info"); name != "" {
			return name, nil
		}
		return d.system('H')
	case 'm':
		return d.first(c, "/etc/machine-id")
	case 'b':
		id, err := d.first(c, "/proc/sys/kernel/random/boot_id")
		return strings.ReplaceAll(id, "-", ""), err
	case 'v':
		return d.first(c, "/proc/sys/kernel/osrelease")
	}
	return "", faultf(bad, "systemd knows no specifier %%%c here", c)
}

// first is the first line of the first of some files that says anything.
func (d *disk) first(c byte, files ...string) (string, error) {
	for _, name := range files {
		if b, err := d.ReadFile(name); err == nil {
			if line, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n"); line != "" {
				return line, nil
			}
		}
	}
	return "", faultf(bad, "%%%c stands for what %s would say, and it is not there", c, strings.Join(files, " or "))
}

// variable is an assignment in the first of some files that is there, as os-release(5) has them.
func (d *disk) variable(key string, files ...string) string {
	for _, name := range files {
		b, err := d.ReadFile(name)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			if value, ok := strings.CutPrefix(strings.TrimSpace(line), key+"="); ok {
				return strings.Trim(value, `"'`)
			}
		}
		return ""
	}
	return ""
}

// architecture is systemd's word for the machine's: the program runs on what it converges.
func architecture() string {
	words := map[string]string{"amd64": "x86-64", "386": "x86", "arm64": "arm64", "arm": "arm", "riscv64": "riscv64", "ppc64le": "ppc64-le", "s390x": "s390x", "loong64": "loongarch64"}
	if word, ok := words[runtime.GOARCH]; ok {
		return word
	}
	return runtime.GOARCH
}
