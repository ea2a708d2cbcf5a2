package redis_test

import (
	"testing"

	"github.com/con-ting/conting/testdata/servers"
)

// Sentinels promote a replica by themselves when the master is killed under load;
// the engine follows, and no number is issued twice.
func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	master := servers.Redis(t)
	servers.Redis(t, servers.RedisReplica(master.Addr()))
	watch := servers.RedisSentinel(t, "main", master)
	cfg := configure("redis-sentinel://" + watch.Addr() + "/main")
	e, other := open(t, cfg), open(t, cfg)
	var all issued
	for i := range 60 {
		if i == 20 {
			master.Kill()
		}
		one := people(i*10, i*10+10)
		eventually(t, "Enter", func() error {
			got, err := e.Enter(t.Context(), event, one)
			if err == nil {
				err = all.note(one, got)
			}
			return err
		})
		two := people(100_000+i*10, 100_000+i*10+10)
		eventually(t, "Enter at another central", func() error {
			got, err := other.Enter(t.Context(), event, two)
			if err == nil {
				err = all.note(two, got)
			}
			return err
		})
	}
	if len(all.by) != 1200 {
		t.Errorf("%d people have a number, want 1200", len(all.by))
	}
}
