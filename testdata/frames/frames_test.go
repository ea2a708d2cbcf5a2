package frames_test

import (
	"testing"

	"github.com/con-ting/conting/testdata/frames"
)

// ordinary has the length and alphabet of an id-only rotating pass.
const ordinary = "CTR1:6BFOXN%TSMAHN-H.L8*5EJ9I$PH.B4T:0SK7/V$ 2Q4Z9WNTI:OJ3XF%M8-C6AK2D1E0FGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ01234"

func BenchmarkRenderHD(b *testing.B) {
	r := frames.NewRenderer()
	for i := range b.N {
		if _, err := r.Gray(frames.Gate.Scene(uint64(i), frames.HD, ordinary)); err != nil {
			b.Fatal(err)
		}
	}
}
