//go:build !js

package qr

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"
	"github.com/makiuchi-d/gozxing/qrcode/encoder"
)

// ErrText is a text that fits no QR code.
var ErrText = errors.New("text does not fit a QR code")

// quietZone is the light border in modules that a reader needs (ISO/IEC 18004).
const quietZone = 4

// SVG draws text as the smallest QR code of error correction level L: a lane's
// own display is clean and bright. The document has no script and no style, one
// unit a module, and scales to any size. Errors wrap [ErrText].
func SVG(text string) ([]byte, error) {
	if text == "" {
		return nil, fmt.Errorf("%w: it is empty", ErrText)
	}
	code, err := encoder.Encoder_encode(text, decoder.ErrorCorrectionLevel_L, map[gozxing.EncodeHintType]any{})
	if err != nil {
		return nil, fmt.Errorf("%w: %d bytes: %w", ErrText, len(text), err)
	}
	m := code.GetMatrix()
	side := m.GetWidth() + 2*quietZone
	out := fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges">`+
		`<rect width="%d" height="%d" fill="#fff"/><path d="`, side, side, side, side)
	for y := range m.GetHeight() {
		for x := 0; x < m.GetWidth(); x++ {
			run := 0
			for x+run < m.GetWidth() && m.Get(x+run, y) == 1 {
				run++
			}
			if run == 0 {
				continue
			}
			out = append(out, 'M')
			out = strconv.AppendInt(out, int64(x+quietZone), 10)
			out = append(out, ' ')
			out = strconv.AppendInt(out, int64(y+quietZone), 10)
			out = append(out, 'h')
			out = strconv.AppendInt(out, int64(run), 10)
			out = append(out, "v1h-"...)
			out = strconv.AppendInt(out, int64(run), 10)
			out = append(out, 'z')
			x += run
		}
	}
	return append(out, `"/></svg>`...), nil
}
