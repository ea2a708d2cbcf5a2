package qr_test

import (
	"image"
	"slices"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/qr"
	"github.com/con-ting/conting/testdata/frames"
)

// shots renders n frames of a profile at 1280×720.
func shots(b *testing.B, p frames.Profile, n int) []*image.Gray {
	b.Helper()
	r := frames.NewRenderer()
	out := make([]*image.Gray, n)
	for i := range out {
		g, err := r.Gray(p.Scene(uint64(1000+i), frames.HD, ordinary))
		if err != nil {
			b.Fatal(err)
		}
		out[i] = g
	}
	return out
}

func benchmark(b *testing.B, p frames.Profile) {
	frames := shots(b, p, 24)
	d := newDecoder(b, qr.Config{Budget: qr.DefaultBudget})
	var took []time.Duration
	read := 0
	b.ResetTimer()
	for i := range b.N {
		start := time.Now()
		codes, err := d.Decode(frames[i%len(frames)])
		took = append(took, time.Since(start))
		if err != nil {
			b.Fatal(err)
		}
		read += len(codes)
	}
	slices.Sort(took)
	b.ReportMetric(ms(took[len(took)/2]), "p50-ms")
	b.ReportMetric(ms(took[len(took)*95/100]), "p95-ms")
	b.ReportMetric(100*float64(read)/float64(b.N), "read-%")
}

func BenchmarkFrameWithCode(b *testing.B)    { benchmark(b, frames.Gate) }
func BenchmarkFrameWithoutCode(b *testing.B) { benchmark(b, frames.Empty) }
