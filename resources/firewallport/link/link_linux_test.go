package link

import (
	"fmt"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/internal/lab/netns"
)

func TestAll(t *testing.T) {
	here, there := netns.Pair(t)
	netns.Cable(here, "wan", there, "wan")
	netns.Cable(here, "lte", there, "lte")
	netns.Cable(here, "off", there, "off")
	for _, argv := range [][]string{
		{"ip", "addr", "add", "198.51.100.1/30", "dev", "wan"},
		{"ip", "addr", "add", "10.0.0.1", "peer", "10.0.0.2/32", "dev", "lte"},
		{"ip", "route", "add", "default", "via", "198.51.100.2"},
		{"ip", "route", "add", "default", "metric", "9", "nexthop", "via", "10.0.0.2", "nexthop", "via", "198.51.100.2"},
		{"ip", "route", "add", "203.0.113.0/24", "dev", "eth0"},
		{"ip", "link", "set", "lte", "group", "7"},
		{"ip", "link", "set", "off", "down"},
	} {
		here.Run(argv...)
	}
	h, err := host.Open(host.Options{Root: t.TempDir(), NetNS: here.FD(), Programs: map[string]host.ProgramFunc{}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	all, err := All(t.Context(), h.View().Netlink)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, i := range all {
		addresses := ""
		for _, a := range i.Addresses {
			if !a.Addr().IsLinkLocalUnicast() { // they come when the kernel is ready
				addresses += " " + a.String()
			}
		}
		got += fmt.Sprintf("%s type %d group %d up %t loopback %t default %t%s\n", i.Name, i.Type, i.Group, i.Up, i.Loopback, i.Default, addresses)
	}
	want := `lo type 772 group 0 up true loopback true default false 127.0.0.1/8 ::1/128
eth0 type 1 group 0 up true loopback false default false 192.0.2.1/24 2001:db8::1/64
wan type 1 group 0 up true loopback false default true 198.51.100.1/30
lte type 1 group 7 up true loopback false default true 10.0.0.1/32
off type 1 group 0 up false loopback false default false
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
