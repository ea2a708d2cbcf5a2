package account

import "net/netip"

// prefix is what counts as one source of requests: an IPv4 address, or the 64 bits
// of an IPv6 address that one household or server has. It is empty where nothing is
// known: for no address, and for this machine's own, which is a proxy's.
func prefix(source string) string {
	addr, err := netip.ParseAddr(source)
	if err != nil {
		return ""
	}
	addr = addr.Unmap().WithZone("")
	switch {
	case addr.IsLoopback():
		return ""
	case addr.Is4():
		return addr.String()
	}
	p, err := addr.Prefix(64)
	if err != nil {
		return ""
	}
	return p.String()
}
