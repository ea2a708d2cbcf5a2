package turnstile

import (
	"context"
	"net"
	"time"
)

// Over has the lane reach its device through dial.
func (c OSDPConfig) Over(dial func() (net.Conn, error)) OSDPConfig {
	c.open = func(context.Context) (port, error) {
		conn, err := dial()
		if err != nil {
			return nil, err
		}
		return socket{conn, c.Now}, nil
	}
	return c
}

// Kill ends the driver as a power cut does: the device hears nothing of it.
func (o *OSDP) Kill() {
	o.stop()
	<-o.bus.gone
}

// ClockJumped reports whether a controller's clock has not counted what passed.
func ClockJumped(passed time.Duration, before, after uint32) bool {
	return jumped(passed, before, after)
}
