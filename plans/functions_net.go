package plans

import (
	"errors"
	"math/big"
	"net/netip"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// netFunctions calculate with addresses.
func netFunctions() map[string]function.Function {
	prefix, num := param("prefix", cty.String), param("num", cty.Number)
	return map[string]function.Function{
		"cidrhost": simple(cty.String, func(args []cty.Value) (cty.Value, error) {
			return hostAt(args[0].AsString(), args[1])
		}, prefix, num),
		"cidrnetmask": stringFunc(netmask),
		"cidrsubnet": simple(cty.String, func(args []cty.Value) (cty.Value, error) {
			return subnet(args[0].AsString(), args[1], args[2])
		}, prefix, param("newbits", cty.Number), param("netnum", cty.Number)),
		"cidrcontains": simple(cty.Bool, func(args []cty.Value) (cty.Value, error) {
			return holds(args[0].AsString(), args[1].AsString())
		}, prefix, param("address_or_prefix", cty.String)),
	}
}

func prefixOf(s string, arg int) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, function.NewArgErrorf(arg, "a network such as 10.0.0.0/8 or fd00::/8 is required")
	}
	return p.Masked(), nil
}

// hostAt is the host with that number in the network; negative numbers count from its end.
func hostAt(s string, num cty.Value) (cty.Value, error) {
	p, err := prefixOf(s, 0)
	if err != nil {
		return cty.UnknownVal(cty.String), err
	}
	n, exact := num.AsBigFloat().Int(nil)
	if n == nil || exact != big.Exact {
		return cty.UnknownVal(cty.String), function.NewArgErrorf(1, "a whole number is required")
	}
	size := new(big.Int).Lsh(big.NewInt(1), uint(p.Addr().BitLen()-p.Bits()))
	if n.Sign() < 0 {
		n.Add(n, size)
	}
	if n.Sign() < 0 || n.Cmp(size) >= 0 {
		return cty.UnknownVal(cty.String), function.NewArgErrorf(1, "the network %s has no such host", p)
	}
	return cty.StringVal(plus(p.Addr(), n).String()), nil
}

// plus is the address n after a.
func plus(a netip.Addr, n *big.Int) netip.Addr {
	sum := new(big.Int).Add(new(big.Int).SetBytes(a.AsSlice()), n)
	out, _ := netip.AddrFromSlice(sum.FillBytes(make([]byte, a.BitLen()/8)))
	return out
}

func netmask(s string) (string, error) {
	p, err := prefixOf(s, 0)
	if err != nil {
		return "", err
	}
	if !p.Addr().Is4() {
		return "", errors.New("only IPv4 has netmasks")
	}
	all := netip.AddrFrom4([4]byte{255, 255, 255, 255})
	return netip.PrefixFrom(all, p.Bits()).Masked().Addr().String(), nil
}

// subnet is the network with number num among those with newbits more bits.
func subnet(s string, newbits, num cty.Value) (cty.Value, error) {
	p, err := prefixOf(s, 0)
	if err != nil {
		return cty.UnknownVal(cty.String), err
	}
	extra, err := whole(newbits, 1)
	if err != nil {
		return cty.UnknownVal(cty.String), err
	}
	bits := p.Bits() + extra
	if extra < 0 || bits > p.Addr().BitLen() {
		return cty.UnknownVal(cty.String), function.NewArgErrorf(1, "%s cannot be split by %d more bits", p, extra)
	}
	n, exact := num.AsBigFloat().Int(nil)
	if n == nil || exact != big.Exact || n.Sign() < 0 || n.BitLen() > extra {
		return cty.UnknownVal(cty.String), function.NewArgErrorf(2, "%d bits number the networks from 0 to 2^%d-1", extra, extra)
	}
	n.Lsh(n, uint(p.Addr().BitLen()-bits))
	return cty.StringVal(netip.PrefixFrom(plus(p.Addr(), n), bits).String()), nil
}

// holds reports whether the network outer holds an address or a whole network.
func holds(outer, inner string) (cty.Value, error) {
	p, err := prefixOf(outer, 0)
	if err != nil {
		return cty.UnknownVal(cty.Bool), err
	}
	if a, err := netip.ParseAddr(inner); err == nil {
		return cty.BoolVal(p.Contains(a)), nil
	}
	q, err := prefixOf(inner, 1)
	if err != nil {
		return cty.UnknownVal(cty.Bool), function.NewArgErrorf(1, "an address or a network is required")
	}
	return cty.BoolVal(q.Bits() >= p.Bits() && p.Contains(q.Addr())), nil
}
