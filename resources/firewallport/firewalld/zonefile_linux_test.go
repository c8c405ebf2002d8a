package firewalld

import (
	"bytes"
	"testing"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// FuzzZoneFile: what is put into a file that can be read is read from it again, with everything that was there, and
// taken out the file is what it was.
func FuzzZoneFile(f *testing.F) {
	for _, seed := range []string{
		"<zone/>", "<zone></zone>", "<zone>\r\n  <short>x</short>\r\n</zone>", `<?xml version="1.0" encoding="utf-8"?><zone target="DROP"><forward/></zone>`,
		"<zone>\n <port port=\"8000-8010\" protocol=\"tcp\"/> <!-- a --><!-- b\n -->\n <rule><port port=\"80\" protocol=\"udp\"/><accept/></rule>\n</zone>\n",
		"<zone>\n\t<source address=\"10.0.0.0/8\"/>\n\t<rule family=\"ipv4\"><source address=\"10.0.0.0/8\"/><port port=\"8001-8002\" protocol=\"tcp\"/><accept><limit value=\"1/m\"/></accept></rule></zone>",
	} {
		f.Add([]byte(seed))
	}
	some := map[string]opening{}
	for _, text := range []string{
		"x: port 8000/tcp", "x: port 8003/tcp", `x: rule port port="8001-8002" protocol="tcp" accept`,
		`x: rule family="ipv4" source address="10.0.0.0/8" port port="8001-8002" protocol="tcp" accept limit value="1/m"`,
	} {
		o, err := parseLine(owner.Line{Text: text})
		if err != nil {
			f.Fatal(err)
		}
		some[o.key()] = o
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		first, err := parseZone(b)
		if err != nil {
			return
		}
		before, missing := map[string]owner.Line{}, map[string]opening{}
		first.lines("x", before)
		for key, o := range some {
			if _, there := before[key]; !there {
				missing[key] = o
			}
		}
		edited := first.edit(b, changes(map[string]settings{"x": first.settings}, nil, missing))
		second, err := parseZone(edited)
		if err != nil {
			t.Fatalf("%q became %q: %v", b, edited, err)
		}
		after := map[string]owner.Line{}
		second.lines("x", after)
		for key, o := range missing {
			before[key] = o.line()
		}
		if len(after) != len(before) {
			t.Fatalf("%q became %q: %d lines, not %d", b, edited, len(after), len(before))
		}
		for key, l := range before {
			if after[key] != l {
				t.Fatalf("%q became %q: %q is %q", b, edited, l, after[key])
			}
		}
		back := second.edit(edited, changes(map[string]settings{"x": second.settings}, missing, nil))
		if !first.empty && !bytes.Equal(back, b) {
			t.Fatalf("%q became %q, and then %q", b, edited, back)
		}
	})
}
