package panel

import (
	"time"

	"github.com/con-ting/conting/gate/admit"
	"github.com/con-ting/conting/sync/ticket"
)

// view is everything that the page shows at one moment. Each message of the
// stream is a whole view, so that a page that was away is right again with the
// first one.
type view struct {
	Face   face     `json:"face"`
	Number uint64   `json:"number"` // changes with every answer, so that the same one twice is heard twice
	Reason string   `json:"reason,omitempty"`
	Next   string   `json:"next,omitempty"`
	Zone   string   `json:"zone,omitempty"`
	Class  string   `json:"class,omitempty"`
	Seat   string   `json:"seat,omitempty"`
	Flags  []string `json:"flags,omitempty"`
	Where  string   `json:"where,omitempty"` // of the earlier entry
	At     string   `json:"at,omitempty"`    // of the earlier entry, on the venue's clock
	Ago    int64    `json:"ago,omitempty"`   // of the earlier entry, seconds
	Gates  []string `json:"gates,omitempty"`
	Until  string   `json:"until,omitempty"`
	Nonce  string   `json:"nonce,omitempty"` // names the picture of the nonce to show
	Offer  bool     `json:"offer,omitempty"` // nobody must answer it: it is there for who wants to

	Shown   []credential `json:"shown,omitempty"`   // of a presentation
	Confirm uint64       `json:"confirm,omitempty"` // the referral that a steward may confirm
	Parts   *parts       `json:"parts,omitempty"`   // of a presentation that is being read

	Bar *bar `json:"bar,omitempty"`
}

// credential is one line of what was presented.
type credential struct {
	Type   string `json:"type"`
	Issuer string `json:"issuer"`
	What   string `json:"what,omitempty"`
	Over   uint8  `json:"over,omitempty"`
	Status string `json:"status"`        // "known", "unknown" or "none"
	Age    int64  `json:"age,omitempty"` // of a known status, seconds
}

// parts is how far a presentation has come.
type parts struct {
	Have  int `json:"have"`
	Total int `json:"total"`
}

// face is which of the page's screens it is.
type face string

const (
	faceIdle   face = "idle"
	faceAdmit  face = "admit"
	faceRefuse face = "refuse"
	faceLook   face = "look"
	faceClosed face = "closed"
)

// bar is the amber line of a gate that can ask nobody.
type bar struct {
	Mode    string `json:"mode"`
	Behind  int64  `json:"behind"` // seconds; whole minutes from one minute on
	Unseen  int    `json:"unseen"`
	AtRisk  int    `json:"at_risk"`
	Unacked uint64 `json:"unacked"`
}

// How long an answer stays when nothing follows it. A passage ends an admission
// sooner; the next code ends anything.
const (
	stayAdmit     = 6 * time.Second
	stayRefuse    = 8 * time.Second
	stayLook      = 30 * time.Second
	stayChallenge = 20 * time.Second
	stayPassed    = time.Second
	stayConfirm   = time.Minute // as long as the lane remembers the referral
)

func stay(v admit.Verdict) time.Duration {
	switch {
	case v.Reason == ticket.ChallengeRequired:
		return stayChallenge
	case v.Outcome == ticket.Admit:
		return stayAdmit
	case v.Outcome == ticket.Refer:
		return stayLook
	}
	return stayRefuse
}

// faceOf returns the screen for a verdict. Who only has to answer the nonce is not
// sent away in red.
func faceOf(v admit.Verdict) face {
	if v.Reason == ticket.ChallengeRequired {
		return faceLook
	}
	switch v.Outcome {
	case ticket.Admit:
		return faceAdmit
	case ticket.Refuse:
		return faceRefuse
	case ticket.Refer:
		return faceLook
	}
	return faceRefuse
}

// fill puts an answer that was given at now into the view.
func (v *view) fill(s Scan, number uint64, now time.Time, where *time.Location) {
	d := s.Verdict.Detail
	v.Face, v.Number = faceOf(s.Verdict), number
	v.Reason, v.Next = string(s.Verdict.Reason), string(d.Next)
	v.Zone, v.Class, v.Seat, v.Flags = s.Zone, s.Class, s.Seat, flags(s.Flags)
	v.Where, v.Gates = d.Where, d.Gates
	v.At, v.Until = clockTime(d.At, now, where), clockTime(d.Until, now, where)
	if !d.At.IsZero() {
		v.Ago = coarse(now.Sub(d.At))
	}
	for _, c := range s.Shown {
		line := credential{Type: c.Type, Issuer: c.Issuer, What: c.What, Over: c.Over, Status: "none"}
		switch {
		case c.StatusKnown:
			line.Status, line.Age = "known", coarse(c.StatusAge)
		case c.Revocable:
			line.Status = "unknown"
		}
		v.Shown = append(v.Shown, line)
	}
	if s.Confirm {
		v.Confirm = s.Seq
	}
}

// clockTime tells a time of day, with the day when it is another one.
func clockTime(t, now time.Time, where *time.Location) string {
	if t.IsZero() {
		return ""
	}
	if where == nil {
		where = time.UTC
	}
	t, now = t.In(where), now.In(where)
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format("15:04:05")
	}
	return t.Format("2006-01-02 15:04")
}

// coarse rounds down to what is worth a change on the screen.
func coarse(d time.Duration) int64 {
	s := max(int64(d/time.Second), 0)
	if s >= 60 {
		return s - s%60
	}
	return s
}

func flags(f ticket.Flags) []string {
	var words []string
	for _, w := range []struct {
		flag ticket.Flags
		word string
	}{
		{ticket.FlagAccessible, "accessible"},
		{ticket.FlagCompanion, "companion"},
		{ticket.FlagConcession, "concession"},
		{ticket.FlagAttention, "attention"},
	} {
		if f.Has(w.flag) {
			words = append(words, w.word)
		}
	}
	return words
}

func barOf(s Status) *bar {
	if s.Online() {
		return nil
	}
	mode := s.Mode
	if mode != admit.ModePeers {
		mode = admit.ModeAlone
	}
	return &bar{Mode: mode.String(), Behind: coarse(s.Behind), Unseen: s.Unseen, AtRisk: s.AtRisk, Unacked: s.Unacked}
}
