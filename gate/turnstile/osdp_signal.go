package turnstile

import "github.com/con-ting/conting/firmware/osdp"

// Signal is a verdict for the eyes and ears at the lane.
type Signal uint8

// The signals.
const (
	Welcome Signal = iota + 1 // green, one tone
	Refused                   // red, three tones
	Look                      // amber, two tones: staff
)

// look-and-sound of a signal; times are tenths of a second.
type signal struct {
	colour osdp.Colour
	tones  byte
	text   string
}

func (s Signal) signal() signal {
	switch s {
	case Welcome:
		return signal{osdp.Green, 1, "WELCOME"}
	case Look:
		return signal{osdp.Amber, 2, "PLEASE ASK STAFF"}
	case Refused:
	}
	return signal{osdp.Red, 3, "STOP"}
}

const (
	signalTime    = 20 // the lamp
	signalSeconds = 3  // the text
	toneTime      = 1
)

// Show has the lane's lamp, sounder and display show a verdict, as far as the device
// has them. It returns at once and promises nothing: a signal waits behind grants,
// and the newest replaces those that were not sent.
func (o *OSDP) Show(s Signal) {
	select {
	case <-o.shown: // an older one
	default:
	}
	select {
	case o.shown <- s:
		o.bus.stir()
	default:
	}
}

// newSignal replaces what was not sent.
func (o *OSDP) newSignal(s signal) {
	o.signals = nil
	if o.usable {
		o.signals = o.commands(s)
	}
}

// frame is a command that is ready to be sent.
type frame struct {
	code byte
	data []byte
}

// commands is what a signal is for this device.
func (o *OSDP) commands(s signal) []frame {
	var out []frame
	for _, c := range o.bus.cp.Capabilities() {
		var d [osdp.MaxData]byte
		switch {
		case c.Items == 0 && c.Level == 0:
		case c.Function == osdp.CapLED:
			l := osdp.LED{
				Temporary: osdp.Blink{Control: osdp.LEDStart, On: signalTime, OnColour: s.colour, OffColour: s.colour},
				Time:      signalTime,
			}
			out = append(out, frame{osdp.CmdLED, d[:l.Put(d[:])]})
		case c.Function == osdp.CapAudible:
			b := osdp.Buzzer{Tone: osdp.ToneDefault, On: toneTime, Off: toneTime, Count: s.tones}
			out = append(out, frame{osdp.CmdBuz, d[:b.Put(d[:])]})
		case c.Function == osdp.CapText:
			x := osdp.Text{Command: osdp.TextTemporary, Seconds: signalSeconds, Row: 1, Column: 1, Bytes: []byte(s.text)}
			out = append(out, frame{osdp.CmdText, d[:x.Put(d[:])]})
		}
	}
	return out
}

// show sends what is to be shown, one command at a time and only while no grant
// waits.
func (o *OSDP) show() {
	select {
	case s := <-o.shown:
		o.newSignal(s.signal())
	default:
	}
	if !o.usable || o.showing || len(o.signals) == 0 || len(o.orders) > 0 {
		return
	}
	f := o.signals[0]
	o.signals = o.signals[1:]
	o.showing = o.bus.submit(f.code, f.data, func(*osdp.Reply) { o.showing = false })
}
