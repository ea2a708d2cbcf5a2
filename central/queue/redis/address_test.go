package redis_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/central/queue/redis"
	"github.com/con-ting/conting/testdata/servers"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{
		"redis://127.0.0.1":                 true,
		"redis://127.0.0.1:6380/15":         true,
		"rediss://queue@redis.example:6380": true,
		"redis://[::1]:6379":                true,
		"redis-cluster://a,b:6380,c":        true,
		"rediss-cluster://a":                true,
		"redis-sentinel://a,b,c/main":       true,
		"redis-sentinel://a/main/3":         true,
		"":                                  false,
		"redis":                             false,
		"redis://":                          false,
		"http://a":                          false,
		"redis://a,b":                       false,
		"redis://a:0":                       false,
		"redis://a:65536":                   false,
		"redis://a:x":                       false,
		"redis://a/x":                       false,
		"redis://a/-1":                      false,
		"redis://a/99999999":                false,
		"redis://a?timeout=1":               false,
		"redis://:secret@a":                 false,
		"redis://user:secret@a":             false,
		"redis://@a":                        false,
		"redis-cluster://a,b/1":             false,
		"redis-cluster://a,,b":              false,
		"redis-sentinel://a":                false,
		"redis-sentinel://a/":               false,
		"redis-cluster://a" + strings.Repeat(",a", 99): false,
		"redis://" + strings.Repeat("a", 5000):         false,
	} {
		err := redis.CheckURL(text)
		if good != (err == nil) || err != nil && !errors.Is(err, redis.ErrAddress) {
			t.Errorf("%.60q: %v, want good %v", text, err, good)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the error shows the password: %v", text, err)
		}
	}
}

func FuzzAddress(f *testing.F) {
	for _, text := range []string{"redis://h:1/2", "rediss-cluster://u@a,b:7", "redis-sentinel://a,[::1]/m%20n/3", "redis://a@b@c", "redis://%zz@h"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		hosts, err := redis.ParseHosts(text)
		if err != nil {
			if !errors.Is(err, redis.ErrAddress) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		for _, h := range hosts {
			if i := strings.LastIndexByte(h, ':'); i < 1 || i == len(h)-1 {
				t.Fatalf("%q: host %q", text, h)
			}
		}
	})
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	plain := servers.Redis(t)
	locked := servers.Redis(t, servers.RedisPassword("correct horse"))
	evicting := servers.Redis(t, servers.RedisSet("maxmemory", "100mb"), servers.RedisSet("maxmemory-policy", "volatile-lru"))
	secure := servers.Redis(t, servers.RedisTLS())
	gone := servers.Redis(t)
	gone.Kill()
	for name, c := range map[string]struct {
		url  string
		edit func(*redis.Config)
		want error // nil: any
	}{
		"no password":          {locked.URL(), nil, redis.ErrServer},
		"a wrong password":     {locked.URL(), func(c *redis.Config) { c.Password = "battery" }, redis.ErrServer},
		"a server that evicts": {evicting.URL(), nil, redis.ErrEvicts},
		"an unknown authority": {secure.URL(), nil, queue.ErrUnavailable},
		"nobody there":         {gone.URL(), nil, queue.ErrUnavailable},
		"no cluster":           {"redis-cluster://" + plain.Addr(), nil, nil},
		"a bad address":        {"redis://", nil, redis.ErrAddress},
		"no ranges":            {plain.URL(), func(c *redis.Config) { c.Ranges = nil }, nil},
		"no clock":             {plain.URL(), func(c *redis.Config) { c.Now = nil }, nil},
		"a long time-out":      {plain.URL(), func(c *redis.Config) { c.Timeout = time.Hour }, nil},
		"a prefix with a tag":  {plain.URL(), func(c *redis.Config) { c.Prefix = "a{b}" }, nil},
		"a short memory":       {plain.URL(), func(c *redis.Config) { c.Keep = time.Second }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := configure(c.url)
			if c.edit != nil {
				c.edit(&cfg)
			}
			e, err := redis.New(t.Context(), cfg)
			if err == nil {
				_ = e.Close()
				t.Fatal("New took it")
			}
			if c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%v, want one wrapping %v", err, c.want)
			}
			if strings.Contains(err.Error(), "battery") {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}
