// Package firewalld is the owner of a firewall that firewalld(1) rules. On a running host it speaks with the daemon over
// D-Bus (firewalld.dbus(5)), by calls that there are since firewalld 0.9; in an image it edits the zones' files
// (firewalld.zone(5)), which the daemon loads at boot.
//
// # What a line is
//
// A rule's line is in each zone that decides about packets of the rule: see [Owner.Lines]. One port that is open to
// everybody is a port of the zone, as "firewall-cmd --add-port=8000/tcp" makes it; everything else is a rich rule
// (firewalld.richlanguage(5)), one for each range of ports and each source:
//
//	public: port 8000/tcp
//	public: rule family="ipv4" source address="192.168.0.0/16" port port="8000" protocol="tcp" accept limit value="10/m"
//
// The key of a rich rule is all of it but how many it lets in. Two rules of one key that somebody made, one with a limit
// and one without, are one line, with both behind the key. What else a rich rule can say (priorities, logs, other
// actions) is none of ours, and neither are the ports of a zone's services. firewalld has no place for a comment: that of
// a rule is in no line.
//
// # Ranges
//
// Ports of a zone are one set to firewalld: a range that overlaps others takes their place, a port within one is there
// already, and one that is taken out of the middle leaves two ranges. Nobody can tell afterwards who had asked for what.
// So a range is a rich rule here, which firewalld keeps as it is and takes away without touching others, whatever ranges
// of ports the zone has. A single port is told truthfully in such a set: it is there when any range of the zone has it,
// and taking it away takes it out of the range. Ranges that merely touch are not merged.
//
// # What firewalld does not do
//
// Zones know no interface within a rule: a rule for eth0 holds for all that is in the zone of eth0. A rate bounds each
// rich rule by itself, so each source and each zone has its own. Neither a reload nor runtime-to-permanent is ever
// asked for: the one drops what others have set in what runs alone, the other makes it last.
package firewalld
