package qr

import (
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"
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
func (c *Code) side() float64 { return float64(17 + 4*c.Version) }
