package sysctl

import (
	"context"
	"errors"
	"fmt"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// Check finds why the change cannot be made, or would not last.
func (resource) Check(_ context.Context, v host.View, have, want *Spec) error {
	if want == nil {
		return place.Check(v, have.file(), place.Remove, &have.info, place.Attributes{})
	}
	return errors.Join(checkFile(v, have, want), checkRuntime(v, have, want), checkBoot(v, want))
}

func checkFile(v host.View, have, want *Spec) error {
	found := have.found()
	switch {
	case found == nil && !want.persists():
		return nil
	case found == nil:
		return place.Check(v, want.file(), place.Make, nil, want.attributes())
	case !want.persists():
		return place.Check(v, want.file(), place.Remove, found, place.Attributes{})
	case have.bytes() == want.bytes():
		return place.Check(v, want.file(), place.Dress, found, want.attributes())
	}
	err := place.Check(v, want.file(), place.Replace, found, want.attributes())
	if found.Links > 1 {
		err = errors.Join(err, fmt.Errorf("%s has %d names (hard links), and a new value would be under this one alone: remove the others", want.file(), found.Links))
	}
	return err
}

// checkRuntime asks whether the kernel has the parameter, and lets this process set it.
func checkRuntime(v host.View, have, want *Spec) error {
	value := want.runtime()
	if v.Offline || value == nil || have != nil && have.Runtime != nil && same(*have.Runtime, *value) {
		return nil
	}
	p := procFile(want.Name)
	info, err := v.Files.Stat(p)
	switch {
	case place.Missing(err) && (want.Optional || want.Found):
		return nil
	case place.Missing(err):
		return fmt.Errorf("the kernel has no %s: check the name; if it comes with a module, load that first, or set optional = true", want.Name)
	case err != nil:
		return place.Unreadable(err)
	}
	if ro, err := v.Files.ReadOnly(p); err != nil || ro {
		return errors.Join(err, fmt.Errorf("cannot set %s: /proc/sys is read-only here, as it is in a container: set it on the machine that runs the container", want.Name))
	}
	if info.Mode&0o200 == 0 {
		return fmt.Errorf("cannot set %s: the kernel lets it be read only", want.Name)
	}
	if v.Files.User() != 0 && info.UID != v.Files.User() {
		return fmt.Errorf("cannot set %s: run as root", want.Name)
	}
	return nil
}

// checkBoot refuses a file that another one overrules at every boot.
func checkBoot(v host.View, want *Spec) error {
	if want.Found || !want.persists() {
		return nil
	}
	w, err := want.overruled(v, readsMain(v))
	if err != nil {
		return fmt.Errorf("cannot tell what sets %s at boot: %w", want.Name, err)
	}
	if w == nil {
		return nil
	}
	does := fmt.Sprintf("sets %s to %s", want.Name, normal(w.value))
	if w.exclude {
		does = "tells the boot to leave " + want.Name + " alone"
	}
	return &engine.ConflictError{Claim: place.Claim(w.file), Err: fmt.Errorf(
		"%s:%d %s, and is read after %s at every boot: remove that line", w.file, w.line, does, want.file())}
}

// Warn says what would happen if sysctl(8) is run on a host where systemd sets parameters.
func (resource) Warn(_ context.Context, v host.View, _, want *Spec) error {
	if want == nil || want.Found || !want.persists() || readsMain(v) {
		return nil
	}
	w, err := want.overruled(v, true)
	if err != nil || w == nil || w.file != mainFile {
		return nil // an error is what Check says
	}
	return fmt.Errorf("%s:%d sets %s to %s. Systemd does not read that file at boot, but whoever runs sysctl --system does", w.file, w.line, want.Name, normal(w.value))
}
