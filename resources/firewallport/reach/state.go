package reach

import (
	"encoding/binary"
	"net/netip"
)

// registerBytes is the size of the registers: four words for the verdict and sixteen for data (struct nft_regs of the
// kernel's net/netfilter/nf_tables.h).
const registerBytes = 80

// registers are those of one rule. For each word, what says in words where its unknown bits come from.
type registers struct {
	val, known [registerBytes]byte
	what       [registerBytes / 4]string
}

func (r *registers) get(at, n int) bits { return bits{r.val[at : at+n], r.known[at : at+n]} }

// put stores b, and zeros up to the end of its last word as the kernel does.
func (r *registers) put(at int, b bits, what string) {
	end := (at + b.len() + 3) &^ 3
	for i := at; i < end; i++ {
		r.val[i], r.known[i] = 0, 0xff
	}
	copy(r.val[at:], b.val)
	copy(r.known[at:], b.known)
	for i := at / 4; i < end/4; i++ {
		r.what[i] = what
	}
}

// forget makes all from a place on unknown.
func (r *registers) forget(at int, what string) {
	for i := at; i < registerBytes; i++ {
		r.val[i], r.known[i] = 0, 0
		r.what[i/4] = what
	}
}

// The parts of a packet that are looked at: an Ethernet header, the longer of the IP headers, the longest of the
// transport headers.
const (
	etherLen = 14
	frameLen = etherLen + 40 + 20
)

// What connection tracking has made of a packet.
const (
	trackNone      uint8 = iota // it did not see it yet
	trackUntracked              // a rule said that it is not to look
	trackTracked
)

// anything, in the place of what was added to sets, says that it is not known.
const anything = "?"

// state is what later rules can see of what earlier ones did, and the packet as it is by now. It can be compared.
type state struct {
	val, known [frameLen]byte

	mark, ctMark word
	// markFresh says that nobody set or looked at the mark: a packet comes without.
	markFresh bool
	pktType   word
	track     uint8
	// dstNAT and srcNAT say that a rule translated the address or port, dstDone and srcDone that the nat chains are done.
	dstNAT, srcNAT, dstDone, srcDone bool
	// labels and zone of the connection are 0 until a rule sets them.
	labels, zone bool
	// home says that the address, which need not be known, is one of this host: the packet was redirected.
	home bool
	// proxied says that the socket of a transparent proxy gets the packet, at the port socket, which is 0 if not known.
	proxied bool
	socket  uint16
	// added lists what rules put into sets.
	added string
}

func (s *state) frame(from, to int) bits { return bits{s.val[from:to], s.known[from:to]} }

func (s *state) set(at int, b bits) {
	copy(s.val[at:], b.val)
	copy(s.known[at:], b.known)
}

// join makes s what is common to both.
func (s *state) join(o *state) {
	s.frame(0, frameLen).join(o.frame(0, frameLen))
	s.mark, s.ctMark, s.pktType = s.mark.join(o.mark), s.ctMark.join(o.ctMark), s.pktType.join(o.pktType)
	s.markFresh = s.markFresh && o.markFresh
	s.labels, s.zone = s.labels || o.labels, s.zone || o.zone
	if s.added != o.added {
		s.added = anything
	}
}

// sameFlow reports whether two states differ in nothing that join cannot forget.
func (s *state) sameFlow(o *state) bool {
	return s.track == o.track && s.dstNAT == o.dstNAT && s.srcNAT == o.srcNAT && s.dstDone == o.dstDone &&
		s.srcDone == o.srcDone && s.proxied == o.proxied && s.home == o.home && s.socket == o.socket
}

// layout says where in the frame which header begins.
type layout struct {
	network, transport, end int
	v4                      bool
	hasLink                 tri
}

// Numbers of protocols (linux/in.h).
const (
	protoTCP, protoUDP, protoDCCP, protoSCTP = 6, 17, 33, 132
)

func protocolNumber(name string) byte {
	switch name {
	case "udp":
		return protoUDP
	case "sctp":
		return protoSCTP
	case "dccp":
		return protoDCCP
	}
	return protoTCP
}

// builder fills a frame with what is known of it.
type builder struct {
	s *state
}

func (b builder) put(at int, v ...byte) { b.s.set(at, knownBits(v)) }

func (b builder) some(at int, v, known byte) { b.s.val[at], b.s.known[at] = v&known, known }

func (b builder) port(at int, p uint16) {
	if p != 0 {
		b.put(at, byte(p>>8), byte(p))
	}
}

func (b builder) addr(at int, a netip.Addr) {
	if a.IsValid() {
		b.put(at, a.AsSlice()...)
	}
}

// newFrame is the packet as it arrives.
func newFrame(p Packet, s *state) layout {
	b := builder{s}
	dst, src, proto := p.Dst.Unmap(), p.Src.Unmap(), protocolNumber(p.Protocol)
	l := layout{network: etherLen, v4: dst.Is4()}
	switch p.In.Type {
	case 0, 1, 772: // ARPHRD_ETHER, ARPHRD_LOOPBACK
		l.hasLink = yes
	case 65534, 512, 519, 768, 776, 778: // ARPHRD_NONE, PPP, RAWIP, and those of tunnels
		l.hasLink = no
	default:
		l.hasLink = maybe
	}
	n := l.network
	if l.v4 {
		l.transport = n + 20
		b.put(etherLen-2, 0x08, 0x00)
		b.put(n, 0x45)       // the version and a header without options
		b.some(n+6, 0, 0xbf) // no fragment; whether it may be made one is not known
		b.put(n+7, 0)
		b.put(n+9, proto)
		b.addr(n+12, src)
		b.addr(n+16, dst)
	} else {
		l.transport = n + 40
		b.put(etherLen-2, 0x86, 0xdd)
		b.some(n, 0x60, 0xf0)
		b.put(n+6, proto) // without extension headers
		b.addr(n+8, src)
		b.addr(n+24, dst)
	}
	l.end = l.transport + b.transport(l.transport, proto, p)
	return l
}

// transport fills in the transport header and returns how long it is at least.
func (b builder) transport(t int, proto byte, p Packet) int {
	b.port(t, p.SrcPort)
	b.port(t+2, p.DstPort)
	switch proto {
	case protoTCP:
		// URG, ACK, PSH, RST, SYN, FIN; those of congestion notification are not known.
		if p.Established {
			b.some(t+13, 0x10, 0x17)
		} else {
			b.some(t+13, 0x02, 0x3f)
		}
		return 20
	case protoSCTP:
		if !p.Established {
			b.put(t+4, 0, 0, 0, 0) // the tag of an INIT
		}
		return 12
	case protoDCCP:
		if !p.Established {
			b.some(t+8, 0, 0x1e) // the type of a request
		}
		return 12
	}
	return 8
}

func (w word) bits() bits {
	return bits{binary.NativeEndian.AppendUint32(nil, w.val&w.known), binary.NativeEndian.AppendUint32(nil, w.known)}
}

func wordOf(b bits) word {
	return word{binary.NativeEndian.Uint32(b.val), binary.NativeEndian.Uint32(b.known)}
}
