package servers

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// freePort finds a loopback port below those that the kernel gives to connections
// (net.ipv4.ip_local_port_range), so that a server that is stopped for a while
// finds its own port free again.
func freePort() (int, error) {
	for range 100 {
		port := 20000 + rand.IntN(12000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		return port, l.Close()
	}
	return 0, fmt.Errorf("no free port between 20000 and 32000")
}
