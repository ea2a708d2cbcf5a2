package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// notifier tells the service manager how the gate is, by the sd_notify protocol:
// datagrams of KEY=VALUE lines to the socket named in NOTIFY_SOCKET. Without one
// it does nothing.
type notifier struct {
	socket   string
	watchdog time.Duration // half of what the manager allows; 0 means not asked for
}

// newNotifier reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
func newNotifier(getenv func(string) string, pid int) (*notifier, error) {
	n := &notifier{socket: getenv("NOTIFY_SOCKET")}
	if n.socket != "" && n.socket[0] != '/' && n.socket[0] != '@' {
		return nil, fmt.Errorf("NOTIFY_SOCKET %q is neither a path nor an abstract name", n.socket)
	}
	usec := getenv("WATCHDOG_USEC")
	if usec == "" || n.socket == "" {
		return n, nil
	}
	if whom := getenv("WATCHDOG_PID"); whom != "" && whom != strconv.Itoa(pid) {
		return n, nil
	}
	us, err := strconv.ParseInt(usec, 10, 64)
	if err != nil || us <= 0 || us > int64(24*time.Hour/time.Microsecond) {
		return nil, fmt.Errorf("WATCHDOG_USEC %q", usec)
	}
	n.watchdog = time.Duration(us) * time.Microsecond / 2
	return n, nil
}

// say sends state lines such as READY=1.
func (n *notifier) say(lines ...string) error {
	if n.socket == "" {
		return nil
	}
	name := n.socket
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	_, err = conn.Write([]byte(strings.Join(lines, "\n")))
	if err = errors.Join(err, conn.Close()); err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	return nil
}

// guard sends the watchdog's sign of life while alive reports true, until ctx
// ends. A gate that hangs falls silent, and the manager restarts it.
func (n *notifier) guard(ctx context.Context, alive func() bool) error {
	if n.watchdog == 0 {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(n.watchdog)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if !alive() {
			continue
		}
		if err := n.say("WATCHDOG=1"); err != nil {
			return err
		}
	}
}
