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

// Code is the smallest QR code with error correction level L that holds a text.
type Code struct {
	Text    string
	Version int // 1 to 40
	Side    int // modules along one side, 17+4·Version, without the quiet zone
	dark    []bool
}

// Encode makes the code for text. Texts of digits, capitals and " $%*+-./:" (base45) get the
// alphanumeric mode, others the byte mode.
func Encode(text string) (*Code, error) {
	if text == "" {
		return nil, fmt.Errorf("%w: it is empty", ErrText)
	}
	hints := map[gozxing.EncodeHintType]any{}
	q, err := encoder.Encoder_encode(text, decoder.ErrorCorrectionLevel_L, hints)
	if err != nil {
		return nil, fmt.Errorf("%w: %d bytes: %w", ErrText, len(text), err)
	}
	m := q.GetMatrix()
	c := &Code{Text: text, Version: q.GetVersion().GetVersionNumber(), Side: m.GetWidth()}
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
