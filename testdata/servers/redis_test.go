package servers_test

import (
	"strings"
	"testing"

	"github.com/con-ting/conting/testdata/servers"
)

func TestRedisKeepsItsAddressAndFile(t *testing.T) {
	for name, options := range map[string][]servers.RedisOption{
		"plain": {servers.RedisAppend("always")},
		"TLS":   {servers.RedisAppend("always"), servers.RedisTLS(), servers.RedisPassword("horse")},
	} {
		t.Run(name, func(t *testing.T) {
			s := servers.Redis(t, options...)
			if _, err := s.Do("SET", "a", "1"); err != nil {
				t.Fatal(err)
			}
			s.Kill()
			if _, err := s.Do("GET", "a"); err == nil || s.PID() != 0 {
				t.Fatal("it answers although it was killed")
			}
			if err := s.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got, err := s.Do("GET", "a"); err != nil || got != "1" {
				t.Fatalf("after a restart %q, %v; want 1", got, err)
			}
		})
	}
}

func TestRedisReplicaBehindALine(t *testing.T) {
	master := servers.Redis(t)
	line := servers.NewRelay(t, master.Addr())
	replica := servers.Redis(t, servers.RedisReplica(line.Addr()))
	is := func(want string) func(string) bool { return func(got string) bool { return got == want } }
	if _, err := master.Do("SET", "a", "1"); err != nil {
		t.Fatal(err)
	}
	replica.Await(t, is("1"), "GET", "a")
	line.Cut()
	if _, err := master.Do("SET", "a", "2"); err != nil {
		t.Fatal(err)
	}
	if got, err := replica.Do("GET", "a"); err != nil || got != "1" {
		t.Fatalf("behind a line that is cut %q, %v; want 1", got, err)
	}
	line.Mend("")
	replica.Await(t, is("2"), "GET", "a")
}

func TestRedisClusterServes(t *testing.T) {
	nodes := servers.RedisCluster(t, 3)
	moved := 0
	for _, n := range nodes {
		if _, err := n.Do("SET", "a", "1"); err != nil && strings.HasPrefix(err.Error(), "MOVED ") {
			moved++
		}
	}
	if moved != 2 {
		t.Fatalf("%d of 3 nodes send a client to another, want 2", moved)
	}
}
