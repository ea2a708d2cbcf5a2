package qr

import (
	"testing"

	"github.com/makiuchi-d/gozxing/qrcode/decoder"
	"github.com/makiuchi-d/gozxing/qrcode/encoder"
)

// TestBlueprints compares what all 40 versions have in common with symbols that gozxing draws, and
// reads those without a single error.
func TestBlueprints(t *testing.T) {
	text := ""
	for version := 1; version <= 40; version++ {
		if Racing && version > 10 && version%10 != 0 { // it is the same in all, only slow
			continue
		}
		b := newBlueprint(version)
		for level := range decoder.ErrorCorrectionLevel(4) {
			v, err := decoder.Version_GetVersionForNumber(version)
			if err != nil {
				t.Fatal(err)
			}
			blocks := v.GetECBlocksForLevel(level)
			room := (v.GetTotalCodewords()-blocks.GetTotalECCodewords())*8 - 4 - 16
			for len(text) < room*2/11 {
				text += "CONTING 0123456789"
			}
			want := text[:max(1, (room*2-11)/11)]
			code, err := encoder.Encoder_encode(want, level, nil)
			if err != nil {
				t.Fatalf("version %d %v: %v", version, level, err)
			}
			if code.GetVersion().GetVersionNumber() != version {
				t.Fatalf("version %d %v: drawn as version %d", version, level, code.GetVersion().GetVersionNumber())
			}
			m := code.GetMatrix()
			soft := make([]float32, b.side*b.side)
			for i := range soft {
				dark := m.Get(i%b.side, i/b.side) == 1
				soft[i] = -1
				if dark {
					soft[i] = 1
				}
				if k := b.modules[i]; k == knownDark && !dark || k == knownPale && dark {
					t.Fatalf("version %d: module %d,%d is not as drawn", version, i%b.side, i/b.side)
				}
			}
			s := newSymbols()
			if got, ok := s.read(b, soft); !ok || got != want {
				t.Fatalf("version %d %v: read %q, %v; want %q", version, level, got, ok, want)
			}
			// The same in a mirror.
			for y := range b.side {
				for x := range y {
					soft[y*b.side+x], soft[x*b.side+y] = soft[x*b.side+y], soft[y*b.side+x]
				}
			}
			if got, ok := s.read(b, soft); !ok || got != want {
				t.Fatalf("version %d %v, mirrored: read %q, %v; want %q", version, level, got, ok, want)
			}
		}
	}
}
