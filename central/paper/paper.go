// Package paper draws tickets for people without a phone: one sheet of A6 with
// the paper form of the pass as a QR code, as PDF for a printer or as PNG for
// a chat or a kiosk.
//
// It signs and verifies nothing and knows no order: the signed ticket and what
// stands beside it are handed in. A sheet is worth an entry to whoever holds it first, so it is
// for those who may have the ticket, and nothing here is kept.
//
// The font is a part of Nanum Gothic (SIL Open Font License 1.1, see
// font/OFL.txt) with the 2,350 syllables of KS X 1001 and European letters; what
// else a name may hold is drawn as a box.
package paper

import (
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"

	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
)

// ErrSheet is wrapped by the errors for a sheet that cannot be drawn.
var ErrSheet = errors.New("unusable sheet")

// Lang is the language of the labels.
type Lang string

// The languages.
const (
	Korean  Lang = "ko"
	English Lang = "en"
)

// Sheet is what stands on the paper.
type Sheet struct {
	Event  *ticket.Event
	Ticket *ticket.Ticket
	Signed []byte // the ticket as central signed it, which is what the code carries
	Lang   Lang   // Korean if empty
}

// The size of a sheet, A6, in millimetres, and of the code on it.
const (
	Width  = 105.0
	Height = 148.0

	codeSide  = 62.0
	quietZone = 4 // modules
)

// PDF writes the sheet for a printer. Errors wrap [ErrSheet] or come from w.
func PDF(w io.Writer, s Sheet) error {
	c, err := newPDF()
	if err != nil {
		return err
	}
	if err := s.draw(c); err != nil {
		return err
	}
	return c.write(w)
}

// PNG writes the sheet as a picture of 300 dots an inch. Errors wrap [ErrSheet]
// or come from w.
func PNG(w io.Writer, s Sheet) error {
	c, err := newPNG()
	if err != nil {
		return err
	}
	if err := s.draw(c); err != nil {
		return err
	}
	return c.write(w)
}

func (s *Sheet) check() error {
	switch {
	case s.Event == nil || s.Ticket == nil:
		return fmt.Errorf("no event or ticket: %w", ErrSheet)
	case !s.Ticket.Paper():
		return fmt.Errorf("ticket %.8s is bound to a device, not to paper: %w", s.Ticket.ID, ErrSheet)
	case len(s.Signed) == 0 || len(s.Signed) > pass.MaxTicket:
		return fmt.Errorf("signed ticket of %d bytes, want 1 to %d: %w", len(s.Signed), pass.MaxTicket, ErrSheet)
	case s.Lang != "" && s.Lang != Korean && s.Lang != English:
		return fmt.Errorf("language %q, want ko or en: %w", s.Lang, ErrSheet)
	case !utf8.ValidString(s.Event.Name + s.Event.Venue + s.Ticket.Seat):
		return fmt.Errorf("a name is not UTF-8: %w", ErrSheet)
	}
	return nil
}

// code returns the modules of the QR code: the smallest that holds the text, with
// error correction M if that costs no larger one, else L.
func code(text string) (*gozxing.BitMatrix, error) {
	var best *gozxing.BitMatrix
	for _, level := range []decoder.ErrorCorrectionLevel{decoder.ErrorCorrectionLevel_L, decoder.ErrorCorrectionLevel_M} {
		m, err := qrcode.NewQRCodeWriter().Encode(text, gozxing.BarcodeFormat_QR_CODE, 0, 0, map[gozxing.EncodeHintType]any{
			gozxing.EncodeHintType_ERROR_CORRECTION: level, gozxing.EncodeHintType_MARGIN: 0,
		})
		if err != nil {
			return nil, fmt.Errorf("code: %w: %w", ErrSheet, err)
		}
		if best == nil || m.GetWidth() == best.GetWidth() {
			best = m
		}
	}
	return best, nil
}

// zone is the event's time zone, or UTC where this machine does not know it.
func (s *Sheet) zone() *time.Location {
	if loc, err := time.LoadLocation(s.Event.Timezone); err == nil {
		return loc
	}
	return time.UTC
}
