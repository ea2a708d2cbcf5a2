package redis_test

import (
	"crypto/x509"
	"os"
	"testing"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/central/queue/queuetest"
	"github.com/con-ting/conting/central/queue/redis"
	"github.com/con-ting/conting/testdata/servers"
)

func suite(t *testing.T, cfg redis.Config) {
	t.Helper()
	queuetest.Run(t, func(*testing.T) queuetest.Subject {
		fresh := configure(cfg.URL)
		fresh.Password, fresh.Authorities = cfg.Password, cfg.Authorities
		return queuetest.Subject{Shared: true, Open: func(t *testing.T) queue.Engine { return open(t, fresh) }}
	})
}

func TestSuiteAlone(t *testing.T) {
	t.Parallel()
	suite(t, redis.Config{URL: servers.Redis(t).URL() + "/3"})
}

func TestSuiteTLS(t *testing.T) {
	t.Parallel()
	s := servers.Redis(t, servers.RedisTLS(), servers.RedisPassword("correct horse"))
	pem, err := os.ReadFile(s.CA())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	suite(t, redis.Config{URL: s.URL(), Password: s.Password(), Authorities: pool})
}

func TestSuiteCluster(t *testing.T) {
	t.Parallel()
	suite(t, redis.Config{URL: clusterURL(servers.RedisCluster(t, 3))})
}
