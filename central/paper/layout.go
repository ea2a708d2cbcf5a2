package paper

import (
	"time"
	"unicode/utf8"

	"github.com/con-ting/conting/sync/pass"
)

// canvas is a sheet to draw on. Places and sizes are millimetres from the upper
// left corner, shades go from 0, black, to 255.
type canvas interface {
	rect(x, y, w, h float64, shade uint8)
	text(x, baseline float64, f face, s string, shade uint8) error
	width(f face, s string) (float64, error)
}

// face is a font in a size.
type face struct {
	bold bool
	mm   float64 // of the em
}

const margin = 8.0

// words are the labels of one language.
type words struct {
	zone, class, seat, doors, starts, number, title string
	notes                                           [2]string
	clock                                           string
}

func (s *Sheet) words() words {
	if s.Lang == English {
		return words{
			zone: "Zone", class: "Class", seat: "Seat", doors: "Doors", starts: "Starts", number: "Ticket", title: "PAPER TICKET",
			notes: [2]string{"The first entry with this code counts. Keep it to yourself.", "No copy of it lets anybody else in."},
			clock: "Mon 2 Jan 2006, 15:04",
		}
	}
	return words{
		zone: "구역", class: "등급", seat: "좌석", doors: "입장", starts: "공연", number: "번호", title: "종이 티켓",
		notes: [2]string{"이 코드는 처음 한 번만 입장에 쓰입니다. 남에게 보이지 마세요.", "복사한 코드로는 다시 입장할 수 없습니다."},
		clock: "2006-01-02 15:04",
	}
}

// draw lays the sheet out.
func (s *Sheet) draw(c canvas) error {
	if err := s.check(); err != nil {
		return err
	}
	p := pen{canvas: c}
	t := s.words()
	c.rect(0, 0, Width, Height, 255)

	const band = 31.0
	c.rect(0, 0, Width, band, 20)
	p.line(margin, 9.5, face{true, 3.4}, t.title, 190, Width-2*margin)
	y := p.block(margin, 16.5, face{true, 6.2}, s.Event.Name, 255, Width-2*margin, 2)
	p.line(margin, min(y+0.5, band-2.5), face{false, 3.4}, s.Event.Venue, 210, Width-2*margin)

	if err := s.drawCode(c, (Width-codeSide)/2, band+5); err != nil {
		return err
	}
	y = band + codeSide + 16
	const third = (Width - 2*margin) / 3
	for i, f := range [3][2]string{{t.zone, s.zoneName()}, {t.class, s.className()}, {t.seat, s.seatName()}} {
		x := margin + float64(i)*third
		p.line(x, y, face{false, 3}, f[0], 110, third-2)
		p.line(x, y+5.5, face{true, 4.6}, f[1], 0, third-2)
	}
	y += 13
	const half = (Width - 2*margin) / 2
	for i, f := range [2][2]string{{t.doors, s.clock(t, s.Event.Doors)}, {t.starts, s.clock(t, s.Event.Starts)}} {
		x := margin + float64(i)*half
		p.line(x, y, face{false, 3}, f[0], 110, half-2)
		p.line(x, y+5, face{false, 3.8}, f[1], 0, half-2)
	}
	c.rect(margin, Height-14.5, Width-2*margin, 0.2, 180)
	p.line(margin, Height-10, face{false, 2.7}, t.notes[0], 60, Width-2*margin)
	p.line(margin, Height-6, face{false, 2.7}, t.notes[1], 60, Width-2*margin-24)
	p.right(Width-margin, Height-6, face{false, 2.7}, t.number+" "+s.Ticket.ID.String()[:8], 110)
	return p.err
}

func (s *Sheet) drawCode(c canvas, x, y float64) error {
	m, err := code(pass.PaperText(s.Signed))
	if err != nil {
		return err
	}
	module := codeSide / float64(m.GetWidth()+2*quietZone)
	for row := range m.GetHeight() {
		for from := 0; from < m.GetWidth(); {
			to := from
			for to < m.GetWidth() && m.Get(to, row) {
				to++
			}
			if to > from { // one bar for neighbours, so that no hairline parts them
				c.rect(x+float64(from+quietZone)*module, y+float64(row+quietZone)*module, float64(to-from)*module, module, 0)
			}
			from = to + 1
		}
	}
	return nil
}

func (s *Sheet) zoneName() string {
	z, _ := s.Event.Zone(s.Ticket.Zone)
	return z.Name
}

func (s *Sheet) className() string {
	c, _ := s.Event.Class(s.Ticket.Class)
	return c.Name
}

func (s *Sheet) seatName() string {
	if s.Ticket.Seat == "" {
		return "–"
	}
	return s.Ticket.Seat
}

func (s *Sheet) clock(t words, unix int64) string {
	return time.Unix(unix, 0).In(s.zone()).Format(t.clock)
}

// pen writes lines that fit and keeps the first error.
type pen struct {
	canvas
	err error
}

func (p *pen) measure(f face, s string) float64 {
	w, err := p.width(f, s)
	if p.err == nil {
		p.err = err
	}
	return w
}

func (p *pen) put(x, y float64, f face, s string, shade uint8) {
	if s == "" || p.err != nil {
		return
	}
	p.err = p.text(x, y, f, s, shade)
}

// line writes one line, smaller or cut if it would be wider than room.
func (p *pen) line(x, y float64, f face, s string, shade uint8, room float64) {
	for range 4 {
		if p.measure(f, s) <= room {
			break
		}
		f.mm *= 0.9
	}
	p.put(x, y, f, p.cut(f, s, room), shade)
}

// cut shortens s with an ellipsis until it fits.
func (p *pen) cut(f face, s string, room float64) string {
	if p.measure(f, s) <= room {
		return s
	}
	for s != "" {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
		if p.measure(f, s+"…") <= room {
			return s + "…"
		}
	}
	return ""
}

// right writes a line that ends at x.
func (p *pen) right(x, y float64, f face, s string, shade uint8) {
	p.put(x-p.measure(f, s), y, f, s, shade)
}

// block writes s over at most so many lines, broken where it must be, and returns
// the baseline under them.
func (p *pen) block(x, y float64, f face, s string, shade uint8, room float64, lines int) float64 {
	for n := 1; s != ""; n++ {
		if n == lines {
			p.line(x, y, f, s, shade, room)
			return y + f.mm
		}
		fit := len(s)
		for fit > 0 && p.measure(f, s[:fit]) > room {
			_, size := utf8.DecodeLastRuneInString(s[:fit])
			fit -= size
		}
		if fit < len(s) { // rather between words
			for i := fit; i > fit/2; i-- {
				if s[i] == ' ' {
					fit = i
					break
				}
			}
		}
		if fit == 0 {
			return y
		}
		p.put(x, y, f, s[:fit], shade)
		y += f.mm * 1.15
		for s = s[fit:]; s != "" && s[0] == ' '; s = s[1:] {
		}
	}
	return y
}
