package servers

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
)

// slots is how many a Redis Cluster has.
const slots = 16384

// RedisCluster starts a cluster of that many masters, without replicas, that ends
// with the test, and returns when all of it serves.
func RedisCluster(t testing.TB, masters int, options ...RedisOption) []*RedisServer {
	t.Helper()
	nodes := make([]*RedisServer, masters)
	for i := range nodes {
		nodes[i] = Redis(t, append(options, redisInCluster())...)
		from, to := slots*i/masters, slots*(i+1)/masters-1
		if _, err := nodes[i].Do("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(from), strconv.Itoa(to)); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range nodes[1:] {
		host, port, err := net.SplitHostPort(n.Addr())
		if err != nil {
			t.Fatal(err)
		}
		bus, err := n.busPort()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := nodes[0].Do("CLUSTER", "MEET", host, port, bus); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range nodes {
		n.Await(t, func(info string) bool {
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d", masters))
		}, "CLUSTER", "INFO")
	}
	return nodes
}

// busPort is where the server's peers reach it.
func (s *RedisServer) busPort() (string, error) {
	answer, err := s.Do("CONFIG", "GET", "cluster-port")
	if err != nil {
		return "", err
	}
	_, bus, _ := strings.Cut(answer, "\n")
	return bus, nil
}
