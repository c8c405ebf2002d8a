package ufw

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/internal/lab/gotest"
	"github.com/agent0-converge/agent0-converge/internal/lab/netns"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/ufw/ufwtest"
)

// alike is what ufw is told, and the rule that is the same.
func alike() map[string]struct {
	commands []string
	rule     owner.Rule
} {
	type words = struct {
		commands []string
		rule     owner.Rule
	}
	with := func(r owner.Rule, change func(*owner.Rule)) owner.Rule {
		change(&r)
		return r
	}
	return map[string]words{
		"a port":               {[]string{"allow 7000/tcp"}, wide("tcp", 7000, 7000)},
		"a range, a comment":   {[]string{`allow 5000:5010/udp comment 'größer & "so"'`}, with(wide("udp", 5000, 5010), func(r *owner.Rule) { r.Comment = `größer & "so"` })},
		"a limit":              {[]string{"limit 2222/tcp"}, with(wide("tcp", 2222, 2222), func(r *owner.Rule) { r.Rate = rate() })},
		"a deny's place":       {[]string{"allow 8000/tcp comment ours"}, with(wide("tcp", 8000, 8000), func(r *owner.Rule) { r.Comment = "ours" })},
		"a deny's, by a limit": {[]string{"limit 8000/tcp"}, with(wide("tcp", 8000, 8000), func(r *owner.Rule) { r.Rate = rate() })},
		"a limit's place":      {[]string{"allow 22/tcp"}, wide("tcp", 22, 22)},
		"a reject's place":     {[]string{"allow 6000/udp"}, wide("udp", 6000, 6000)},
		"a comment's place":    {[]string{"limit 22/tcp comment 'another'"}, with(wide("tcp", 22, 22), func(r *owner.Rule) { r.Comment, r.Rate = "another", rate() })},
		"part of another":      {[]string{"allow 9999/tcp"}, wide("tcp", 9999, 9999)},
		"sources, an interface": {
			[]string{"allow in on eth0 from 10.0.0.1 to any port 8000 proto tcp comment API", "allow in on eth0 from 192.168.0.0/16 to any port 8000 proto tcp comment API",
				"allow in on eth0 from 2001:db8::1 to any port 8000 proto tcp comment API", "allow in on eth0 from fd00:0:0:1::/64 to any port 8000 proto tcp comment API"},
			owner.Rule{Protocol: "tcp", Ports: ports(8000, 8000), IPv4: true, IPv6: true, Interfaces: []string{"eth0"}, Comment: "API",
				Sources: from("10.0.0.1/32", "192.168.0.0/16", "2001:db8::1/128", "fd00:0:0:1::/64")}},
		"IPv4 only": {[]string{"allow proto tcp from 0.0.0.0/0 to any port 7001"}, owner.Rule{Protocol: "tcp", Ports: ports(7001, 7001), IPv4: true}},
	}
}

// What is set is, byte for byte and rule for rule, what ufw makes of the same; it is still so after a reload, a restart
// and after ufw was off; and undone all is as before. Files change only when they are to.
func TestRealIsLikeUfw(t *testing.T) {
	r := onReal(t).with(others()...)
	for name, tt := range alike() {
		t.Run(name, func(t *testing.T) {
			r.t = t
			again := []string{"ufw reload"}
			if len(tt.commands) > 1 || os.Getenv(gotest.Full) != "" { // each takes seconds
				again = append(again, "systemctl restart ufw", "ufw disable && ufw --force enable")
			}
			r.isLikeUfw(tt.commands, tt.rule, again...)
		})
	}
}

// It is so at other levels of logging, of which the lowest has a rule before all that log.
func TestRealIsLikeUfwThatLogs(t *testing.T) {
	r := onReal(t).with(others()...)
	tt := alike()["a deny's place"]
	for _, level := range []string{"off", "full"} {
		r.with("logging "+level, "reload").isLikeUfw(tt.commands, tt.rule, "ufw reload")
	}
}

// inodes tells whether a file was written, with what it has or with something else.
const inodes = "stat -c '%i %Z %n' /etc/ufw/*"

func (r *real) isLikeUfw(commands []string, rule owner.Rule, again ...string) {
	r.t.Helper()
	before := r.picture()
	r.sh("rm -rf /root/before && cp -a /etc/ufw /root/before")
	theirs := r.with(commands...).picture()
	r.sh("cp -a /root/before/user*.rules /etc/ufw/ && ufw reload")
	r.same("put back", before, r.picture())

	etc, state := r.etc()+r.sh(inodes), r.read()
	in := r.lines(rule)
	wasRunning, wasPersistent := stateBefore(state, in)
	r.run(wasRunning, in)
	r.same("the files, once it runs", etc, r.etc()+r.sh(inodes))
	kernel := r.kernel()
	r.persist(wasPersistent, in)
	r.same("what runs, once it persists", kernel, r.kernel())
	r.same("what ufw makes of it", theirs, r.picture())
	r.has("set", in, true)
	etc = r.sh(inodes)
	r.run(nil, in)
	r.persist(nil, in)
	r.same("set again", etc, r.sh(inodes))
	for _, a := range again {
		r.sh(a)
		r.same(a, theirs, r.picture())
	}
	r.run(in, wasRunning)
	r.persist(in, wasPersistent)
	r.same("undone", before, r.picture())
	r.sh("ufw reload")
	r.same("undone and loaded anew", before, r.picture())
}

func stateBefore(s *owner.State, in []owner.Line) (running, persistent []owner.Line) {
	return before(s.Running, in), before(s.Persistent, in)
}

// What runs and does not persist is gone after a reload, which is what a reboot does too.
func TestRealRunsOnly(t *testing.T) {
	r := onReal(t).with(others()...)
	before, in := r.picture(), r.lines(wide("tcp", 7000, 7000), wide("tcp", 8000, 8000))
	running, _ := stateBefore(r.read(), in)
	r.run(running, in)
	if r.picture() == before {
		t.Error("nothing runs that did not")
	}
	r.sh("ufw reload")
	r.same("loaded anew", before, r.picture())
}

// A rule that somebody deleted does not run, though the files have it.
func TestRealDeletedByHand(t *testing.T) {
	r := onReal(t).with(others()...)
	limited := wide("tcp", 2222, 2222)
	limited.Rate = rate()
	in := r.lines(wide("tcp", 7000, 7000), limited)
	r.run(nil, in)
	r.persist(nil, in)
	set := r.picture()
	r.sh("ip6tables -D ufw6-user-input -p tcp --dport 7000 -j ACCEPT; iptables -D ufw-user-input -p tcp --dport 2222 -m conntrack --ctstate NEW -m recent --set")
	s := r.read()
	for _, l := range in {
		_, runs := s.Running[l.Key]
		if deleted := l.Key == in[1].Key || l.Key == in[2].Key; runs == deleted || s.Persistent[l.Key] != l {
			t.Errorf("%q: it runs: %t; %q in the files", l.Text, runs, s.Persistent[l.Key].Text)
		}
	}
	r.run(nil, in)
	r.same("the files", set[:strings.Index(set, "*filter")], r.picture()[:strings.Index(set, "*filter")])
	r.has("put back", in, true)
}

// A ufw that is off is no owner and stays off; one that is on and not loaded is an error that says so.
func TestRealOffStaysOff(t *testing.T) {
	r := onReal(t)
	active := func() (bool, error) { return Owner{}.Active(t.Context(), r.h.View()) }
	if on, err := active(); !on || err != nil {
		t.Errorf("switched on: %t, %v", on, err)
	}
	r.sh("systemctl stop ufw")
	before := r.picture()
	if on, err := active(); on || err == nil || !strings.Contains(err.Error(), "ufw reload") {
		t.Errorf("not loaded: %t, %v", on, err)
	}
	r.same("not loaded", before, r.picture())
	r.sh("ufw disable")
	before = r.picture()
	if on, err := active(); on || err != nil {
		t.Errorf("switched off: %t, %v", on, err)
	}
	r.same("switched off", before, r.picture())
	if !strings.Contains(before, "Status: inactive") {
		t.Error(before)
	}
}

// A ufw without IPv6 gets IPv4's lines only.
func TestRealWithoutIPv6(t *testing.T) {
	r := onReal(t)
	r.sh("sed -i s/^IPV6=yes/IPV6=no/ /etc/default/ufw && ufw disable && ufw --force enable")
	defer r.sh("sed -i s/^IPV6=no/IPV6=yes/ /etc/default/ufw && ufw disable && ufw --force enable")
	if on, err := (Owner{}).IPv6(r.h.View()); on || err != nil {
		t.Errorf("%t, %v", on, err)
	}
	before, in := r.picture(), r.lines(wide("tcp", 7000, 7000))
	if len(in) != 1 {
		t.Fatalf("%v", in)
	}
	r.run(nil, in)
	r.persist(nil, in)
	r.has("set", in, true)
	ours := r.picture()
	r.run(in, nil)
	r.persist(in, nil)
	r.same("undone", before, r.picture())
	r.sh("ufw allow 7000/tcp")
	r.same("what ufw makes of it", r.picture(), ours)
}

// Packets do as the rule says: they are let in from its sources, through its interface, over both families, and no more
// than the rate allows.
func TestRealPackets(t *testing.T) {
	r := onReal(t)
	// With a policy that answers, what is kept out is told at once.
	r.sh("ufw default reject incoming && ufw reload")
	defer r.sh("ufw default deny incoming && ufw reload")
	peer := netns.New(t)
	r.sh(fmt.Sprintf("ip link add lab0 type veth peer name lab1 && ip link set lab1 netns /proc/%d/fd/%d && ip link set lab0 up && ip addr add 192.0.2.1/24 dev lab0 && ip addr add 2001:db8::1/64 dev lab0 nodad", os.Getpid(), peer.FD()))
	defer r.sh("ip link del lab0")
	for _, words := range []string{"link set lab1 up", "addr add 192.0.2.2/24 dev lab1", "addr add 192.0.2.3/24 dev lab1", "addr add 2001:db8::2/64 dev lab1 nodad"} {
		peer.Run(append([]string{"ip"}, strings.Fields(words)...)...)
	}
	l, err := net.Listen("tcp", ":8000")
	check(t, err)
	defer l.Close()
	connects := func(from, to string) bool {
		var err error
		peer.Do(func() error {
			var c net.Conn
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
			if c, err = d.Dial("tcp", net.JoinHostPort(to, "8000")); err == nil {
				c.Close()
			}
			return nil
		})
		return err == nil
	}
	reaches := func() [3]bool {
		return [3]bool{connects("192.0.2.2", "192.0.2.1"), connects("192.0.2.3", "192.0.2.1"), connects("2001:db8::2", "2001:db8::1")}
	}
	narrow := wide("tcp", 7999, 8001)
	narrow.Sources, narrow.Interfaces = from("192.0.2.2/32"), []string{"lab0"}
	elsewhere := wide("tcp", 8000, 8000)
	elsewhere.Interfaces = []string{"lab9"}
	for _, tt := range []struct {
		name string
		rule owner.Rule
		want [3]bool
	}{
		{"everybody", wide("tcp", 8000, 8000), [3]bool{true, true, true}},
		{"one source, one interface, a range", narrow, [3]bool{true, false, false}},
		{"another interface", elsewhere, [3]bool{}},
		{"another protocol", wide("udp", 8000, 8000), [3]bool{}},
	} {
		in := r.lines(tt.rule)
		r.run(nil, in)
		if got := reaches(); got != tt.want {
			t.Errorf("%s: %v, not %v", tt.name, got, tt.want)
		}
		r.run(in, nil)
		if got := reaches(); got != [3]bool{} {
			t.Errorf("%s, taken away: %v", tt.name, got)
		}
	}
	limited := wide("tcp", 8000, 8000)
	limited.Rate = rate()
	// As the first enabling of ufw leaves these chains, and its own limit with them.
	r.sh("ip6tables -F ufw6-user-limit && ip6tables -F ufw6-user-limit-accept")
	r.run(nil, r.lines(limited))
	for _, way := range [][2]string{{"192.0.2.2", "192.0.2.1"}, {"2001:db8::2", "2001:db8::1"}} {
		let := 0
		for connects(way[0], way[1]) && let < 100 {
			let++
		}
		if let != 5 {
			t.Errorf("%d connections of %s came in at once: the sixth try within 30 seconds is one too many", let, way[0])
		}
	}
	r.run(r.lines(limited), nil)
}

// The machine that is played has the files that ufw has, loads them alike, and is told what ufw's command says.
func TestRealIsLikePlayed(t *testing.T) {
	r := onReal(t)
	r.same("user.rules", r.sh("cat /etc/ufw/user.rules"), ufwtest.Written("ufw"))
	r.same("user6.rules", r.sh("cat /etc/ufw/user6.rules"), ufwtest.Written("ufw6"))
	r.same("the packaged user.rules", r.sh("cat /usr/share/ufw/iptables/user.rules"), ufwtest.Packaged("ufw"))
	r.same("the packaged user6.rules", r.sh("cat /usr/share/ufw/iptables/user6.rules"), ufwtest.Packaged("ufw6"))
	r.with(others()...)
	fake := played(t)
	for _, f := range []family{ipv4(), ipv6()} {
		fake.Put(f.file, hosttest.File{Content: r.sh("cat " + f.file)})
	}
	for _, argv := range [][]string{
		{"ufw", "reload"}, {"ufw", "status"}, {"ufw", "disable"}, {"ufw", "status"}, {"ufw", "reload"}, {"ufw", "--force", "enable"}, {"ufw", "status"},
	} {
		out, err := fake.Host().Programs.Run(t.Context(), argv...)
		check(t, err)
		said, _, _ := strings.Cut(r.sh(strings.Join(argv, " ")), "\n")
		r.same(fmt.Sprint(argv), said+"\n", string(out.Stdout))
		real := userRules(ipv4(), r.sh("iptables-save")) + userRules(ipv6(), r.sh("ip6tables-save"))
		r.same(fmt.Sprint(argv, " what runs"), real, fake.saved())
	}
}
