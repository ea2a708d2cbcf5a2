package qr

import (
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/common"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"
	"github.com/makiuchi-d/gozxing/qrcode/detector"
)

// symbols reads modules into bytes with gozxing's symbol decoder.
type symbols struct {
	decoder *decoder.Decoder
	// hints name a character set, because gozxing otherwise guesses one and fails on bytes that
	// are none. Our text is taken from the corrected codewords and never passes through it.
	hints map[gozxing.DecodeHintType]any
}

func newSymbols() symbols {
	return symbols{
		decoder: decoder.NewDecoder(),
		hints:   map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_CHARACTER_SET: "ISO-8859-1"},
	}
}

// read samples the modules between the finder patterns of t and decodes them: first as gozxing does
// it, then by trying what perspective makes it misjudge.
func (e *eye) read(t triple, expired func() bool) (Code, bool) {
	info := detector.NewFinderPatternInfo(t.bottomLeft, t.topLeft, t.topRight)
	dimension := t.dimension()
	if found, err := detector.NewDetector(e.bitmap.matrix).ProcessFinderPatternInfo(info); err == nil {
		dimension = found.GetBits().GetWidth()
		if code, ok := e.symbols.decode(found.GetBits()); ok {
			code.Corners = corners(found.GetPoints(), code.side())
			return code, true
		}
	}
	for _, g := range e.grids(t, dimension, expired) {
		if code, ok := e.symbols.decode(g.modules); ok {
			code.Corners = corners(g.points, code.side())
			return code, true
		}
		if expired() {
			break
		}
	}
	return Code{}, false
}

// decode corrects and parses one symbol. The matrix is changed by it.
func (s *symbols) decode(modules *gozxing.BitMatrix) (Code, bool) {
	version := (modules.GetWidth() - 17) / 4
	result, err := s.decoder.Decode(modules, s.hints)
	if err != nil {
		return Code{}, false
	}
	text, err := parseSegments(result.GetRawBytes(), version)
	if err != nil || text == "" {
		return Code{}, false
	}
	return Code{Text: text, Version: version}, true
}

// side is the number of modules along one side of the code.
func (c Code) side() float64 { return float64(17 + 4*c.Version) }

// corners extends the centres of the finder patterns, and of the alignment pattern if there is a
// fourth point, to the corners of a symbol of side modules.
func corners(points []gozxing.ResultPoint, side float64) [4]Point {
	bl, tl, tr := points[0], points[1], points[2]
	const near = 3.5 // a finder's centre is 3.5 modules from both edges
	far := side - near
	last, at := far, Point{tr.GetX() - tl.GetX() + bl.GetX(), tr.GetY() - tl.GetY() + bl.GetY()}
	if len(points) > 3 {
		last, at = side-6.5, Point{points[3].GetX(), points[3].GetY()}
	}
	xy := []float64{0, 0, side, 0, side, side, 0, side}
	common.PerspectiveTransform_QuadrilateralToQuadrilateral(
		near, near, far, near, last, last, near, far,
		tl.GetX(), tl.GetY(), tr.GetX(), tr.GetY(), at.X, at.Y, bl.GetX(), bl.GetY(),
	).TransformPoints(xy)
	var out [4]Point
	for i := range out {
		out[i] = Point{xy[2*i], xy[2*i+1]}
	}
	return out
}
