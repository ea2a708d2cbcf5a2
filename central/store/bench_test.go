package store_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/testdata/servers"
)

// How many changes a second become durable, by one caller alone and by 64 at once.
func BenchmarkUpdate(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			cfg := store.Config{Now: time.Now, Logger: slog.New(slog.DiscardHandler)}
			if engine == "sqlite" {
				cfg.Path = filepath.Join(b.TempDir(), "central.db")
			} else {
				s := servers.NewPostgres(b, servers.PostgresDurable())
				name, err := s.Create(b.Context())
				must(b, err)
				cfg.URL = s.URL(name)
			}
			s, err := store.Open(b.Context(), cfg)
			must(b, err)
			defer func() { must(b, s.Close()) }()
			var n atomic.Int64
			for _, way := range []string{store.Update, store.UpdateShared} {
				for _, callers := range []int{1, 64} {
					b.Run(way+"/"+strconv.Itoa(callers), func(b *testing.B) {
						var all sync.WaitGroup
						var left atomic.Int64
						left.Store(int64(b.N))
						b.ResetTimer()
						for range callers {
							all.Go(func() {
								for left.Add(-1) >= 0 {
									must(b, s.In(context.Background(), way, add(strconv.FormatInt(n.Add(1), 10))))
								}
							})
						}
						all.Wait()
						b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "updates/s")
					})
				}
			}
		})
	}
}
