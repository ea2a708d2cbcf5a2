package frames

import (
	"errors"
	"fmt"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"
	"github.com/makiuchi-d/gozxing/qrcode/encoder"
)

// ErrText is a text that fits no QR code.
var ErrText = errors.New("text does not fit a QR code")

// Level is how much damage a code survives.
type Level uint8

// The levels of ISO/IEC 18004, from about 7 to about 30 per cent of the codewords.
const (
	LevelL Level = iota
	LevelM
	LevelQ
	LevelH
)

// String returns the level's letter.
func (l Level) String() string {
	if l > LevelH {
		return fmt.Sprintf("level(%d)", uint8(l))
	}
	return "LMQH"[l : l+1]
}

// Code is the smallest QR code of a level that holds a text.
type Code struct {
	Text    string
	Level   Level
	Version int // 1 to 40
	Side    int // modules along one side, 17+4·Version, without the quiet zone
	dark    []bool
}

// Encode makes the code of level L for text. Texts of digits, capitals and " $%*+-./:" (base45) get
// the alphanumeric mode, others the byte mode. Errors wrap [ErrText].
func Encode(text string) (*Code, error) { return EncodeAt(text, LevelL) }

// EncodeAt is Encode at any level.
func EncodeAt(text string, level Level) (*Code, error) {
	if text == "" {
		return nil, fmt.Errorf("%w: it is empty", ErrText)
	}
	if level > LevelH {
		return nil, fmt.Errorf("%w: there is no %v", ErrText, level)
	}
	of := [...]decoder.ErrorCorrectionLevel{
		decoder.ErrorCorrectionLevel_L, decoder.ErrorCorrectionLevel_M,
		decoder.ErrorCorrectionLevel_Q, decoder.ErrorCorrectionLevel_H,
	}
	hints := map[gozxing.EncodeHintType]any{}
	q, err := encoder.Encoder_encode(text, of[level], hints)
	if err != nil {
		return nil, fmt.Errorf("%w: %d bytes: %w", ErrText, len(text), err)
	}
	m := q.GetMatrix()
	c := &Code{Text: text, Level: level, Version: q.GetVersion().GetVersionNumber(), Side: m.GetWidth()}
	c.dark = make([]bool, c.Side*c.Side)
	for y := range c.Side {
		for x := range c.Side {
			c.dark[y*c.Side+x] = m.Get(x, y) == 1
		}
	}
	return c, nil
}

// Dark says whether the module in column x of row y is dark.
func (c *Code) Dark(x, y int) bool {
	return x >= 0 && y >= 0 && x < c.Side && y < c.Side && c.dark[y*c.Side+x]
}
