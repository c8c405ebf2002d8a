package nft

import (
	"fmt"

	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

const (
	// register takes each value in turn until it is compared.
	register = unix.NFT_REG_1
	// loopbackIndex is the index that the loopback interface has in every network namespace.
	loopbackIndex = 1
	// portOffset is where TCP, UDP, SCTP and DCCP all have the port of the receiver.
	portOffset, portLength = 2, 2
	// Where IPv4 and IPv6 have the address of the sender (RFC 791, RFC 8200).
	source4Offset, source4Length = 12, 4
	source6Offset, source6Length = 8, 16
)

// exprs are what the kernel evaluates for a rule, as nft(8) would write them. Sets are numbers of sets in this batch.
func (r rule) exprs(sets map[string]uint32) []expr.Any {
	var out []expr.Any
	for _, s := range r.statements {
		out = append(out, exprs(s, sets)...)
	}
	return out
}

func exprs(s statement, sets map[string]uint32) []expr.Any {
	in := func(name string) expr.Any {
		return &expr.Lookup{SourceRegister: register, SetName: name, SetID: sets[name]}
	}
	is := func(b ...byte) expr.Any { return &expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: b} }
	meta := func(k expr.MetaKey) expr.Any { return &expr.Meta{Key: k, Register: register} }
	number := binaryutil.NativeEndian.PutUint32
	switch s := s.(type) {
	case known:
		states := expr.CtStateBitESTABLISHED | expr.CtStateBitRELATED
		return []expr.Any{
			&expr.Ct{Key: expr.CtKeySTATE, Register: register},
			&expr.Bitwise{SourceRegister: register, DestRegister: register, Len: 4, Mask: number(states), Xor: number(0)},
			&expr.Cmp{Op: expr.CmpOpNeq, Register: register, Data: number(0)},
		}
	case loopback:
		return []expr.Any{meta(expr.MetaKeyIIF), is(number(loopbackIndex)...)}
	case through:
		return []expr.Any{meta(expr.MetaKeyIIFNAME), in(s.set)}
	case over:
		return []expr.Any{meta(expr.MetaKeyNFPROTO), is(proto(s.v6))}
	case from:
		load := &expr.Payload{DestRegister: register, Base: expr.PayloadBaseNetworkHeader, Offset: source4Offset, Len: source4Length}
		if s.v6 {
			load.Offset, load.Len = source6Offset, source6Length
		}
		return []expr.Any{meta(expr.MetaKeyNFPROTO), is(proto(s.v6)), load, in(s.set)}
	case to:
		return []expr.Any{
			meta(expr.MetaKeyL4PROTO), is(protocols()[s.protocol]),
			&expr.Payload{DestRegister: register, Base: expr.PayloadBaseTransportHeader, Offset: portOffset, Len: portLength},
			in(s.set),
		}
	case within:
		return []expr.Any{&expr.Limit{
			Type: expr.LimitTypePkts, Rate: uint64(s.rate.Count), Unit: expr.LimitTime(units()[s.rate.Per]), Burst: uint32(burst(s.rate)),
		}}
	case verdict:
		return []expr.Any{s.expr()}
	}
	panic(fmt.Sprintf("no expression for %T", s))
}

func (s verdict) expr() expr.Any {
	switch s.what {
	case "jump":
		return &expr.Verdict{Kind: expr.VerdictJump, Chain: s.chain}
	case "drop":
		return &expr.Verdict{Kind: expr.VerdictDrop}
	}
	return &expr.Verdict{Kind: expr.VerdictAccept}
}

func proto(v6 bool) byte {
	if v6 {
		return unix.NFPROTO_IPV6
	}
	return unix.NFPROTO_IPV4
}
