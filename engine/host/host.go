// Package host is the machine as a value. Whoever reads or changes a machine does it
// through the View or the Host that it was handed, so the same code converges the running
// system, an image tree and a temporary directory in a test.
package host

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
)

// View is a host that can be read and not changed. It is all that planning is handed:
// that a plan changes nothing follows from this type.
type View struct {
	Files    Tree
	Accounts Accounts
	Programs Queries
	Units    Units
	Netlink  Dumps
	Bus      BusQueries
	Facts    Facts
	// Offline says that the root is not the running system: no service manager,
	// no kernel state and no network of this machine belong to it.
	Offline bool
	// Reread asks readers to look at what is there itself, and to trust no record of what it was.
	Reread bool
	Log    *slog.Logger
}

// Host is a host that can be changed.
type Host struct {
	Files    *Files
	Accounts Accounts
	Programs *Programs
	Units    *UnitManager
	Netlink  *Netlink
	Bus      *Bus
	Facts    Facts
	Offline  bool
	Reread   bool
	// Confirm says how a change is confirmed that could cut off whoever makes it.
	Confirm Confirmation
	Log     *slog.Logger
}

// Options say which host is opened and who watches its changes.
type Options struct {
	// Root is the folder that takes the place of "/". Empty means the running system.
	Root string
	// Facts, where not nil, are taken instead of being gathered.
	Facts *Facts
	// Reread is the View's.
	Reread bool
	// Watch is called before every change of the host. An error that it returns is the
	// result of that change, which is then not made.
	Watch func(Op) error
	// Ran is told of every program that may have changed something, after it ended.
	// A query is not told: a run that changes nothing leaves no trace.
	Ran func(Call)
	// Programs, where not nil, are all the programs that the host has, by name, played
	// by Go functions: for tests and for embedding. They stand for a running system, so
	// a host that has them is not offline, whatever its root.
	Programs map[string]ProgramFunc
	// Units, where not nil, plays the service manager. A host with Programs and without Units has none.
	Units ServiceManager
	// NetNS, where not 0, is a descriptor of the network namespace whose kernel state is the host's. Without it a
	// host that has Programs has none.
	NetNS int
	// Bus, where not nil, plays the services of the message bus. A host with Programs and without Bus has none.
	Bus BusFunc
	Log *slog.Logger
}

// Open returns the host that o names. Close it when done.
func Open(o Options) (*Host, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Root == "" {
		o.Root = systemRoot
	}
	o.Root = filepath.Clean(o.Root)
	offline := o.Root != systemRoot && o.Programs == nil
	files, err := openFiles(o.Root, gate{o.Watch})
	if err != nil {
		return nil, fmt.Errorf("cannot open root %s: %w", o.Root, err)
	}
	h := &Host{Files: files, Offline: offline, Reread: o.Reread, Log: o.Log}
	h.Programs = &Programs{offline: offline, gate: gate{o.Watch}, ran: o.Ran, fakes: o.Programs}
	h.Accounts = newAccounts(files.Tree, h.Programs)
	if o.Facts != nil {
		h.Facts = *o.Facts
	} else {
		h.Facts = gatherFacts(files.Tree, offline)
	}
	h.Units = &UnitManager{
		running: o.Units != nil || !offline && o.Programs == nil && h.Facts.Init == "systemd",
		gate:    gate{o.Watch}, ran: o.Ran, queries: Queries{h.Programs}, conn: o.Units,
	}
	live := !offline && o.Programs == nil
	h.Netlink = &Netlink{running: live || o.NetNS != 0, netns: o.NetNS, gate: gate{o.Watch}, ran: o.Ran}
	h.Bus = &Bus{running: live || o.Bus != nil, gate: gate{o.Watch}, ran: o.Ran, play: o.Bus}
	return h, nil
}

// View returns the host's read half.
func (h *Host) View() View {
	return View{
		Files: h.Files.Tree, Accounts: h.Accounts, Programs: Queries{h.Programs}, Units: Units{m: h.Units},
		Netlink: Dumps{h.Netlink}, Bus: BusQueries{h.Bus}, Facts: h.Facts, Offline: h.Offline, Reread: h.Reread, Log: h.Log,
	}
}

// Close lets go of the root.
func (h *Host) Close() error { return errors.Join(h.Units.close(), h.Bus.close(), h.Files.close()) }

// Op is one change of a host, named before it is made.
type Op struct {
	// Name is the system call's name ("rename", "fsync"), "exec" for a program that changes things, "detach"
	// for one that outlives this process, "dbus" for what the service manager or another service is told, or "netlink"
	// for a batch of the packet filter.
	Name string
	// Path is the path inside the root, the program, or what is told ("restart x.service").
	Path string
}

func (o Op) String() string { return o.Name + " " + o.Path }
