package servers

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// RedisSentinel starts a sentinel that watches a master under that name, and alone
// decides that it is gone, half a second after it was last heard of. It returns when
// the sentinel knows of one replica.
func RedisSentinel(t testing.TB, name string, master *RedisServer) *RedisServer {
	t.Helper()
	s := Redis(t, func(c *redisConfig) { c.watch, c.master = name, master.Addr() })
	s.Await(t, func(answer string) bool { return strings.Contains(answer, "\nnum-slaves\n1\n") }, "SENTINEL", "MASTER", name)
	return s
}

// sentinel writes the file that a sentinel keeps its state in.
func (s *RedisServer) sentinel() ([]string, error) {
	host, port, _ := strings.Cut(s.cfg.master, ":")
	file := filepath.Join(s.dir, "sentinel.conf")
	text := fmt.Sprintf(`bind 127.0.0.1
port %d
dir %s
logfile redis.log
sentinel monitor %[3]s %[4]s %[5]s 1
sentinel down-after-milliseconds %[3]s %[6]d
sentinel failover-timeout %[3]s 4000
`, s.port, s.dir, s.cfg.watch, host, port, (500 * time.Millisecond).Milliseconds())
	return []string{file, "--sentinel"}, os.WriteFile(file, []byte(text), 0o600)
}
