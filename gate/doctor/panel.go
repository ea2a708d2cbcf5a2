package doctor

import (
	"context"
	"errors"
	"net"
	"syscall"
)

// Panel checks that the lane display has its port: either the running gate
// answers there, or the port is free.
type Panel struct {
	Address string // host:port

	// Healthy asks whether a gate answers at the address.
	Healthy func(ctx context.Context, address string) error

	// Listen tries the port; nil means [net.ListenConfig].
	Listen func(ctx context.Context, network, address string) (net.Listener, error)
}

// Name returns "panel".
func (Panel) Name() string { return "panel" }

// Look asks the port.
func (p Panel) Look(ctx context.Context) Finding {
	host, _, err := net.SplitHostPort(p.Address)
	if err != nil {
		return Finding{Level: Fail, Found: err.Error(), Advice: "set [panel] listen to host:port"}
	}
	open := ""
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		open = ", reachable from the network"
	}
	if p.Healthy(ctx, p.Address) == nil {
		return Finding{Found: "a running gate answers at " + p.Address + open}
	}
	listen := p.Listen
	if listen == nil {
		listen = (&net.ListenConfig{}).Listen
	}
	l, err := listen(ctx, "tcp", p.Address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return Finding{Level: Fail, Found: p.Address + " is taken by another program", Advice: "stop it (ss -ltnp shows it), or choose another port in [panel] listen"}
	case err != nil:
		return Finding{Level: Fail, Found: err.Error(), Advice: "choose an address of this machine in [panel] listen"}
	}
	if err := l.Close(); err != nil {
		return Finding{Level: Warn, Found: err.Error(), Advice: "run doctor again"}
	}
	return Finding{Found: p.Address + " is free, no gate runs" + open}
}
