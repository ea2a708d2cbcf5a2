package osdp

// Colour is that of an LED.
type Colour byte

// The colours.
const (
	Black Colour = iota
	Red
	Green
	Amber
	Blue
	Magenta
	Cyan
	White
)

// What an LED record does with its temporary and its permanent part.
const (
	LEDKeep   = 0 // both: no change
	LEDCancel = 1 // temporary: end it, show the permanent part
	LEDSet    = 1 // permanent: show this
	LEDStart  = 2 // temporary: show this for Time
)

// Blink is one look of an LED: for On it shows one colour, for Off the other.
// The times are units of 100 ms.
type Blink struct {
	Control             byte // LEDKeep …
	On, Off             byte
	OnColour, OffColour Colour
}

// LED is one record of LED (OSDP v2.2, table 15).
type LED struct {
	Reader, Number byte
	Temporary      Blink
	Time           uint16 // of the temporary part, units of 100 ms
	Permanent      Blink
}

const ledSize = 14

// Put writes the record to dst and returns its length, 14, or 0 when it does not
// fit.
func (l *LED) Put(dst []byte) int {
	if len(dst) < ledSize {
		return 0
	}
	dst[0], dst[1] = l.Reader, l.Number
	l.Temporary.put(dst[2:])
	put16(dst[7:], l.Time)
	l.Permanent.put(dst[9:])
	return ledSize
}

// LEDAt takes record i out of LED's data. ok is false past the end, and for data
// that are no whole number of records.
func LEDAt(d []byte, i int) (l LED, ok bool) {
	if len(d)%ledSize != 0 || i < 0 || i >= len(d)/ledSize {
		return l, false
	}
	d = d[i*ledSize:]
	return LED{d[0], d[1], blink(d[2:]), get16(d[7:]), blink(d[9:])}, true
}

func (b *Blink) put(d []byte) {
	d[0], d[1], d[2], d[3], d[4] = b.Control, b.On, b.Off, byte(b.OnColour), byte(b.OffColour)
}

func blink(d []byte) Blink {
	return Blink{d[0], d[1], d[2], Colour(d[3]), Colour(d[4])}
}

// Tones of a [Buzzer].
const (
	ToneNone    = 0
	ToneOff     = 1
	ToneDefault = 2
)

// Buzzer is the data of BUZ. The times are units of 100 ms; Count 0 goes on
// until the next BUZ.
type Buzzer struct {
	Reader, Tone   byte
	On, Off, Count byte
}

const buzzerSize = 5

// Put writes the data to dst and returns their length, 5, or 0 when they do not
// fit.
func (b *Buzzer) Put(dst []byte) int {
	if len(dst) < buzzerSize {
		return 0
	}
	dst[0], dst[1], dst[2], dst[3], dst[4] = b.Reader, b.Tone, b.On, b.Off, b.Count
	return buzzerSize
}

// Take reads the data. It reports whether they have the right length.
func (b *Buzzer) Take(d []byte) bool {
	if len(d) != buzzerSize {
		return false
	}
	*b = Buzzer{d[0], d[1], d[2], d[3], d[4]}
	return true
}

// How a [Text] is shown.
const (
	TextPermanent     = 1 // until the next one, cut at the line's end
	TextPermanentWrap = 2
	TextTemporary     = 3 // for Seconds, cut
	TextTemporaryWrap = 4
)

// Text is the data of TEXT. Row and Column count from 1.
type Text struct {
	Reader, Command, Seconds, Row, Column byte
	Bytes                                 []byte // ASCII; aliases what it was taken from
}

const textHeader = 6

// Put writes the data to dst and returns their length, or 0 when they do not
// fit.
func (t *Text) Put(dst []byte) int {
	if len(t.Bytes) > 0xFF || len(dst) < textHeader+len(t.Bytes) {
		return 0
	}
	dst[0], dst[1], dst[2], dst[3], dst[4] = t.Reader, t.Command, t.Seconds, t.Row, t.Column
	dst[5] = low(len(t.Bytes))
	return textHeader + copy(dst[textHeader:], t.Bytes)
}

// Take reads the data. It reports whether they are as long as they say.
func (t *Text) Take(d []byte) bool {
	if len(d) < textHeader || len(d) != textHeader+int(d[5]) {
		return false
	}
	*t = Text{d[0], d[1], d[2], d[3], d[4], d[textHeader:]}
	return true
}
