package main

import (
	"cmp"
	"image"
	"time"

	"github.com/con-ting/conting/gate/lane"
	"github.com/con-ting/conting/gate/panel"
	"github.com/con-ting/conting/gate/qr"
	"github.com/con-ting/conting/sync/pass"
)

// reader is the decoder as a lane sees it.
type reader struct{ *qr.Decoder }

// Decode returns the texts of the codes in a picture.
func (r reader) Decode(gray *image.Gray) ([]string, error) {
	codes, err := r.Decoder.Decode(gray)
	texts := make([]string, 0, len(codes))
	for _, c := range codes {
		texts = append(texts, c.Text)
	}
	return texts, err
}

// screen is the panel as a lane sees it.
type screen struct{ *panel.Panel }

var (
	_ lane.Observer = screen{}
	_ lane.Gatherer = screen{}
)

// Gathered shows how far a presentation has come.
func (s screen) Gathered(p lane.Progress) { s.Panel.Gathered(p.Have, p.Total) }

// Looked counts a frame.
func (s screen) Looked(l lane.Look) { s.Panel.Looked(l.Took, l.Codes, l.Err) }

// Decided shows a decision.
func (s screen) Decided(r lane.Result) {
	out := panel.Scan{
		Seq: r.Seq, Verdict: r.Verdict, Zone: r.Zone, Class: r.Class, Seat: r.Seat, Flags: r.Flags,
		Confirm: r.Confirmable, Judged: r.Timing.Verdict, Durable: r.Timing.Durable,
	}
	for i := range r.Shown {
		c := &r.Shown[i]
		out.Shown = append(out.Shown, panel.Shown{
			Type: string(c.Type), Issuer: c.IssuerName, What: cmp.Or(c.Role, c.Relation), Over: c.Over,
			Revocable: c.Revocable, StatusKnown: c.StatusKnown, StatusAge: c.StatusAge,
		})
	}
	if r.Timing.Frame > 0 {
		out.Total = r.Timing.Total()
	}
	switch {
	case r.Presented:
		out.Form = lane.Presented
	case r.Form != pass.Form(0):
		out.Form = r.Form.String()
	}
	s.Panel.Decided(out)
}

// Settled tells what became of an admission.
func (s screen) Settled(e lane.Settlement) { s.Panel.Settled(e.Seq, e.Kind.String()) }

// after is a channel that fires once; it is nil, which never fires, for a
// duration that is not positive.
func after(d time.Duration) (<-chan time.Time, func() bool) {
	if d <= 0 {
		return nil, func() bool { return true }
	}
	t := time.NewTimer(d)
	return t.C, t.Stop
}
