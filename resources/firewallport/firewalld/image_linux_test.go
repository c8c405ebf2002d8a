package firewalld_test

import (
	"os"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// publicZone is the one of firewalld 1.3.3, shortened.
const publicZone = `<?xml version="1.0" encoding="utf-8"?>
<zone>
  <short>Public</short>
  <description>For use in public areas.</description>
  <service name="ssh"/>
  <service name="dhcpv6-client"/>
  <forward/>
</zone>
`

const (
	etcPublic = "/etc/firewalld/zones/public.xml"
	usrPublic = "/usr/lib/firewalld/zones/public.xml"
)

func newImage(t *testing.T, files map[string]string) *hosttest.Machine {
	t.Helper()
	fs := map[string]hosttest.File{}
	for name, content := range files {
		fs[name] = hosttest.File{Content: content}
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			fs[name] = hosttest.File{Link: target}
		}
	}
	return hosttest.New(t, hosttest.Config{Files: fs, Offline: true})
}

func content(t *testing.T, m *hosttest.Machine, name string) string {
	t.Helper()
	b, err := os.ReadFile(m.Path(name))
	if os.IsNotExist(err) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// In an image, lines are put into the zones' files, and taken out again nothing of them is left.
func TestImage(t *testing.T) {
	for name, r := range rules() {
		t.Run(name, func(t *testing.T) {
			m := newImage(t, map[string]string{usrPublic: publicZone})
			v := m.View()
			ls := lines(t, v, r)
			if s := read(t, v); s.Running != nil || len(s.Persistent) != 0 {
				t.Errorf("before: %+v", s)
			}
			set(t, m.Host(), nil, ls)
			s := read(t, v)
			has(t, "set", s.Persistent, ls)
			if len(s.Persistent) != len(ls) {
				t.Errorf("%d lines, not %d", len(s.Persistent), len(ls))
			}
			first := content(t, m, etcPublic)
			set(t, m.Host(), nil, ls)
			same(t, "the second time", first, content(t, m, etcPublic))
			same(t, "the stock file", publicZone, content(t, m, usrPublic))
			set(t, m.Host(), ls, nil)
			same(t, "taken out again", "", content(t, m, etcPublic))
		})
	}
}

// The file is as firewalld would have written it.
func TestImageText(t *testing.T) {
	m := newImage(t, map[string]string{usrPublic: publicZone})
	for _, r := range []string{"8000", "8000-8010 udp 10.0.0.0/8 5/minute", "9000 v6"} {
		set(t, m.Host(), nil, lines(t, m.View(), rule(strings.Fields(r)...)))
	}
	same(t, "the file", `<?xml version="1.0" encoding="utf-8"?>
<zone>
  <short>Public</short>
  <description>For use in public areas.</description>
  <service name="ssh"/>
  <service name="dhcpv6-client"/>
  <port port="8000" protocol="tcp"/>
  <rule family="ipv4">
    <source address="10.0.0.0/8"/>
    <port port="8000-8010" protocol="udp"/>
    <accept>
      <limit value="5/m"/>
    </accept>
  </rule>
  <rule family="ipv6">
    <port port="9000" protocol="tcp"/>
    <accept/>
  </rule>
  <forward/>
</zone>
`, content(t, m, etcPublic))
}

// Files that people have edited keep everything, to the byte.
func TestImageKeeps(t *testing.T) {
	for name, zone := range map[string]string{
		"a comment":      "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!-- ours -->\n<zone target=\"DROP\"><!-- x -->\n\t<short>A &amp; B</short>\n\n\t<port port='22' protocol='tcp'/> <!-- ssh -->\n\t<new thing=\"1\"><deep/></new>\n</zone>\n<!-- end -->\n",
		"carriage":       "<zone>\r\n    <short>x</short>\r\n    <interface name=\"eth0\"/>\r\n</zone>\r\n",
		"one line":       `<zone><service name="ssh"/><forward/></zone>`,
		"nothing within": "<zone>\n</zone>\n",
		"forward alone":  "<zone>\n  <forward/>\n</zone>\n",
		"no indentation": "<zone>\n<service name=\"ssh\"/>\n<rule family=\"ipv4\"><source address=\"10.0.0.0/8\"/><drop/></rule>\n</zone>",
		"rules of others": "<zone>\n  <rule priority=\"-5\" family=\"ipv4\">\n    <source address=\"10.0.0.0/8\"/>\n    <port port=\"8000\" protocol=\"tcp\"/>\n    <accept/>\n  </rule>\n" +
			"  <rule>\n    <port port=\"8000\" protocol=\"tcp\"/>\n    <log/>\n    <accept/>\n  </rule>\n  <icmp-block name=\"redirect\"/>\n</zone>\n",
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range rules() {
				m := newImage(t, map[string]string{usrPublic: publicZone, etcPublic: zone})
				ls := lines(t, m.View(), r)
				set(t, m.Host(), nil, ls)
				has(t, "set", read(t, m.View()).Persistent, ls)
				edited := content(t, m, etcPublic)
				for line := range strings.Lines(zone) {
					if line = strings.TrimSpace(line); name != "one line" && !strings.Contains(edited, line) {
						t.Errorf("%q is gone:\n%s", line, edited)
					}
				}
				set(t, m.Host(), ls, nil)
				same(t, "taken out again", zone, content(t, m, etcPublic))
			}
		})
	}
}

// Ports that lie in a range of the file are there, and can be taken out of it.
func TestImageRanges(t *testing.T) {
	const begin, end = "<zone>\n  <service name=\"ssh\"/>\n", "</zone>\n"
	m := newImage(t, map[string]string{etcPublic: begin + "  <port port=\"8000-8010\" protocol=\"tcp\"/>\n" + end})
	some := lines(t, m.View(), rule("8000", "8004", "8005", "8010"))
	has(t, "within the range", read(t, m.View()).Persistent, some)
	set(t, m.Host(), some, lines(t, m.View(), rule("8020")))
	same(t, "taken out", begin+`  <port port="8001-8003" protocol="tcp"/>
  <port port="8006-8009" protocol="tcp"/>
  <port port="8020" protocol="tcp"/>
`+end, content(t, m, etcPublic))
	if got := read(t, m.View()).Persistent; len(got) != 8 {
		t.Errorf("left are %v", got)
	}
	set(t, m.Host(), nil, some)
	has(t, "put back", read(t, m.View()).Persistent, some)
}

// Which zone it is, the files of the image say.
func TestImageZones(t *testing.T) {
	m := newImage(t, map[string]string{
		usrPublic:                           publicZone,
		"/etc/firewalld/firewalld.conf":     "# DefaultZone=drop\nDefaultZone=work\n",
		"/usr/lib/firewalld/zones/work.xml": "<zone/>\n",
		"/etc/firewalld/zones/home.xml":     `<zone><interface name="eth1"/><source address="192.168.0.0/16"/></zone>`,
		"/usr/lib/firewalld/zones/drop.xml": `<zone target="DROP"><source address="10.0.0.0/8"/></zone>`,
		"/etc/firewalld/zones/home.xml.old": "not read",
	})
	same(t, "an interface", []string{"home: port 8000/tcp", "work: port 8000/tcp"}, texts(lines(t, m.View(), rule("8000", "@eth0", "@eth1"))))
	same(t, "a source", []string{
		`home: rule family="ipv4" source address="192.168.1.0/24" port port="8000" protocol="tcp" accept`,
		`work: rule family="ipv4" source address="192.168.1.0/24" port port="8000" protocol="tcp" accept`,
	}, texts(lines(t, m.View(), rule("8000", "192.168.1.0/24"))))
	all := lines(t, m.View(), rule("8000"))
	same(t, "anywhere", []string{"home: port 8000/tcp", "work: port 8000/tcp"}, texts(all))
	set(t, m.Host(), nil, all)
	same(t, "a zone of one tag", "<zone>\n  <port port=\"8000\" protocol=\"tcp\"/>\n</zone>\n", content(t, m, "/etc/firewalld/zones/work.xml"))
}

// What firewalld would not load either is an error that names the file.
func TestImageErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		files map[string]string
		says  string
	}{
		"no xml":          {map[string]string{etcPublic: "<zone><port></zone>"}, etcPublic},
		"not a zone":      {map[string]string{etcPublic: "<service/>"}, etcPublic},
		"empty":           {map[string]string{etcPublic: ""}, etcPublic},
		"two":             {map[string]string{etcPublic: "<zone/><zone/>"}, etcPublic},
		"a folder":        {map[string]string{usrPublic: publicZone, "/etc/firewalld/zones/public/a.xml": publicZone}, "make it one file"},
		"no default zone": {map[string]string{"/usr/lib/firewalld/zones/work.xml": publicZone}, "default zone public"},
	} {
		m := newImage(t, tt.files)
		if _, err := fw.Lines(t.Context(), m.View(), rule("8000")); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
