package server

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
)

var (
	labelForm  = regexp.MustCompile(`^[a-z][a-z0-9-]{0,21}$`) // of it the name of a user is made, of 31 characters at most
	memoryForm = regexp.MustCompile(`^([0-9]+[KMGT]?|[0-9]{1,2}%|infinity)$`)
	quotaForm  = regexp.MustCompile(`^[1-9][0-9]*%$`)
)

// Validate finds mistakes by looking at the block alone.
func (s *Spec) Validate() error {
	var errs []error
	wrong := func(name, format string, args ...any) {
		errs = append(errs, &engine.AttributeError{Name: name, Err: fmt.Errorf(format, args...)})
	}
	if !labelForm.MatchString(s.Label) {
		wrong("label", "%q names units and users: it is of at most 22 small letters, digits and -, a letter first", s.Label)
	}
	for _, p := range []struct{ name, value string }{
		{"model", s.Model}, {"keys_file", s.KeysFile}, {"backends", s.Backends}, {"environment", s.Environment}, {"command", s.Command}, {"engines", s.Engines},
	} {
		if p.value != "" && !plain(p.value) {
			wrong(p.name, "it is an absolute path, without spaces, quotes, : and $, or percent signs")
		}
	}
	if err := s.validListen(); err != nil {
		wrong("listen", "%w", err)
	}
	if s.KeysFile != "" && s.WithoutKeys {
		wrong("without_keys", "there is a keys_file: it is one or the other")
	}
	if !memoryForm.MatchString(s.MemoryMax) {
		wrong("memory_max", `%q is no amount of memory such as "16G" or "80%%"`, s.MemoryMax)
	}
	if !quotaForm.MatchString(s.CPUQuota) {
		wrong("cpu_quota", `%q is no share of CPUs such as "200%%", which is two`, s.CPUQuota)
	}
	if s.GPULayers != nil && *s.GPULayers < -1 {
		wrong("gpu_layers", "it is a number of layers, or -1 for all")
	}
	r := s.Runtime(true)
	if err := r.Check(); err != nil {
		name, what, _ := strings.Cut(err.Error(), ": ") // the fields of both are named alike
		wrong(name, "%s", what)
	}
	return errors.Join(errs...)
}

// plain reports whether a path can stand in a unit as it is.
func plain(p string) bool {
	return path.IsAbs(p) && path.Clean(p) == p && !strings.ContainsAny(p, " \t\n\"'\\%$;:")
}

// validListen wants an address that systemd takes, and keys for one that others reach.
func (s *Spec) validListen() error {
	host, port, err := net.SplitHostPort(s.Listen)
	if err != nil {
		return fmt.Errorf(`%q is no address such as "127.0.0.1:8000"`, s.Listen)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("%q is no port", port)
	}
	addr, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return fmt.Errorf("%q is no IP address: 127.0.0.1 is this machine alone, 0.0.0.0 all that it has", host)
	case !addr.IsLoopback() && s.KeysFile == "" && !s.WithoutKeys:
		return errors.New("others reach this address: give keys_file, or say without_keys = true for a network that is trusted")
	}
	return nil
}
