package main

import (
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/settings"
	"github.com/con-ting/conting/sync/ticket"
)

// relyingParty is whom passkeys are made for: what the configuration says, or
// what follows from where people reach the API, which listens on listen.
func (c *config) relyingParty(listen net.Addr) (ticket.RelyingParty, error) {
	const what = "set relying_party and origin under [wallet]"
	rp := c.ownParty()
	_, port, err := net.SplitHostPort(listen.String())
	switch {
	case err != nil:
		return rp, err
	case rp.ID != "":
	case c.API.PublicURL != "":
		rp = partyOf(c.API.PublicURL)
	case c.API.Certificate == "":
		rp = ticket.RelyingParty{ID: "localhost", Origin: "http://" + net.JoinHostPort("localhost", port)}
	default:
		rp = partyOf("https://" + net.JoinHostPort(c.Hosts[0], port))
	}
	if _, err := netip.ParseAddr(rp.ID); err == nil {
		return rp, hint.Errorf(what, "wallet.relying_party: passkeys need a name, %s is an address: %w", rp.ID, settings.ErrBad)
	}
	if err := rp.Check(); err != nil {
		return rp, hint.Errorf(what, "wallet.relying_party: %w: %w", err, settings.ErrBad)
	}
	return rp, nil
}

// ownParty is the configured one, or zero.
func (c *config) ownParty() ticket.RelyingParty {
	return ticket.RelyingParty{ID: c.Wallet.RelyingParty, Origin: c.Wallet.Origin}
}

// partyOf is the host of a URL and its origin as browsers write it.
func partyOf(address string) ticket.RelyingParty {
	u, err := url.Parse(address)
	if err != nil {
		return ticket.RelyingParty{}
	}
	host := strings.ToLower(u.Hostname())
	origin := u.Scheme + "://" + host
	if p := u.Port(); p != "" && p != "443" {
		origin += ":" + p
	}
	return ticket.RelyingParty{ID: host, Origin: origin}
}
