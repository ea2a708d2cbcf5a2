package turnstile

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/con-ting/conting/firmware/osdp"
)

// deviceKind is what is at the other end of the line.
type deviceKind uint8

const (
	unknownDevice deviceKind = iota
	controller               // ours
	module                   // outputs and contacts
	strangeDevice            // none that we can drive
)

// model is that of our controller; its vendor is osdp.Vendor.
const model = 1

// link is how the way to the device is.
type link struct {
	lost    bool            // nothing authentic came for osdpLost
	heard   bool            // anything valid came since it was lost, or since the start
	trouble osdp.NoticeKind // the last refusal since Secure Channel was up
	detail  byte
	down    error // why the port is not open
}

// secured is called when Secure Channel has come up: who is there is asked first.
func (o *OSDP) secured() {
	o.usable = false
	o.link.trouble = osdp.NoNotice
	o.bus.submit(osdp.CmdID, []byte{0}, o.identified)
}

// identified takes who the device is, inside Secure Channel.
func (o *OSDP) identified(r *osdp.Reply) {
	var id osdp.Identity
	if r.Fault != osdp.FaultNone {
		return
	}
	if r.Code != osdp.ReplyPDID || !id.Take(r.Data) {
		o.rule(strangeDevice)
		return
	}
	kind := strangeDevice
	switch {
	case string(id.Vendor[:]) == osdp.Vendor && id.Model == model:
		kind = controller
	case o.cfg.wired():
		kind = module
	}
	replaced := o.kind != unknownDevice && id.Serial != o.serial
	o.serial = id.Serial
	o.setIdentity(id)
	if !o.rule(kind) {
		o.losing() // what was granted, the other device has
		return
	}
	if replaced {
		o.report(slog.LevelWarn, "another device answers at the lane",
			slog.Uint64("serial", uint64(id.Serial)), slog.Int("model", int(id.Model)))
	}
	switch kind {
	case controller:
		if replaced {
			o.restarted()
		}
		o.ask()
	case module:
		o.meet()
	case unknownDevice, strangeDevice:
	}
}

// rule settles what the device is. It returns false for one that we cannot drive.
func (o *OSDP) rule(kind deviceKind) bool {
	if kind != strangeDevice && (o.kind == unknownDevice || o.kind == strangeDevice && o.module.Load() == nil && !o.begun || o.kind == kind) {
		o.kind = kind
		return true
	}
	if o.kind != strangeDevice {
		o.report(slog.LevelWarn, "the device at the lane is none that this gate can drive")
	}
	if o.kind == unknownDevice {
		o.kind = strangeDevice
	}
	o.link.trouble = osdp.Refused
	return false
}

// noticed takes what the panel's end notices.
func (o *OSDP) noticed(n osdp.Notice) {
	switch n.Kind {
	case osdp.Offline:
		o.link.lost, o.link.heard = true, false
		o.losing()
	case osdp.Heard:
		o.link.heard = true
	case osdp.BadProof, osdp.RefusedDefaultKey, osdp.RefusedPlain, osdp.RefusedUnencrypted, osdp.RefusedNonce, osdp.Refused:
		if !o.bus.cp.Online() {
			o.link.trouble, o.link.detail = n.Kind, n.Detail
		}
	case osdp.NoNotice, osdp.Secured, osdp.Closed, osdp.BadCheck, osdp.BadSequence, osdp.BadMAC, osdp.RefusedKey,
		osdp.KeyChanged, osdp.AddressChanged:
	}
	message, grave := notice(n.Kind)
	if message == "" {
		return
	}
	level := slog.LevelInfo
	if grave {
		level = slog.LevelWarn
	}
	o.report(level, message, slog.Int("detail", int(n.Detail)))
}

// notice is what the log says of a notice; nothing for those that are no news.
func notice(k osdp.NoticeKind) (message string, grave bool) {
	switch k {
	case osdp.Secured:
		return "turnstile line secured", false
	case osdp.Closed:
		return "turnstile line lost its secure channel", false
	case osdp.Offline:
		return "turnstile does not answer", true
	case osdp.BadMAC:
		return "turnstile line: a forged or lost packet closed the secure channel", true
	case osdp.BadProof:
		return "turnstile line: the device does not know our key", true
	case osdp.RefusedDefaultKey:
		return "turnstile line: the device offered the default key, refused", true
	case osdp.RefusedPlain:
		return "turnstile line: a reply outside the secure channel, refused", true
	case osdp.RefusedUnencrypted:
		return "turnstile line: a reply in the clear inside the secure channel, refused", true
	case osdp.RefusedNonce:
		return "turnstile line: a nonce came back or could not be made, refused", true
	case osdp.Refused:
		return "turnstile line: the device refuses", true
	case osdp.NoNotice, osdp.Heard, osdp.BadCheck, osdp.BadSequence, osdp.RefusedKey, osdp.KeyChanged, osdp.AddressChanged:
	}
	return "", false
}

// reports bounds how often the same thing is logged. There are few things.
type reports struct {
	now  func() time.Time
	last map[string]said
}

type said struct {
	at   time.Time
	more int
}

const sayAgain = 10 * time.Second

// may reports whether a thing may be logged now, and how many were not since.
func (r *reports) may(thing string) (more int, ok bool) {
	s, again := r.last[thing]
	if again && r.now().Sub(s.at) < sayAgain {
		s.more++
		r.last[thing] = s
		return 0, false
	}
	r.last[thing] = said{at: r.now()}
	return s.more, true
}

// report logs what was not logged just now: a device that floods us floods no log.
func (o *OSDP) report(level slog.Level, message string, attrs ...slog.Attr) {
	o.reportThing(message, level, message, attrs...)
}

func (o *OSDP) reportThing(thing string, level slog.Level, message string, attrs ...slog.Attr) {
	more, ok := o.reports.may(thing)
	if !ok {
		return
	}
	if more > 0 {
		attrs = append(attrs, slog.Int("more_since", more))
	}
	o.cfg.Logger.LogAttrs(context.Background(), level, message, attrs...) //nolint:sloglint // its callers' constants
}

// losing gives everything up, because the link is lost.
func (o *OSDP) losing() {
	for _, a := range slices.Clone(o.orders) {
		a.refuse(ErrFault, o.link.why())
		a.under = false
	}
	o.orders = nil
	if o.contacts != nil {
		o.contacts.fail(errAway)
	}
	if o.module.Load() == nil {
		o.fail(Fault)
	}
}

// why says why the device is away.
func (l link) why() string { return l.condition().Note }

// condition describes a link without Secure Channel.
func (l link) condition() Condition {
	switch {
	case l.down != nil:
		return Condition{Word: wordNoAnswer, Note: fmt.Sprintf("its line cannot be opened: %v", l.down), Hint: hintOf(l.down)}
	case l.trouble == osdp.BadProof:
		return Condition{
			Word: wordWrongKey, Note: "the device does not know our key",
			Hint: "give both the same key: [turnstile] scbk, and the device by its own tool or gate osdp provision",
		}
	case l.trouble == osdp.Refused:
		return Condition{
			Word: wordRefused, Note: fmt.Sprintf("the device refuses Secure Channel (NAK %d)", l.detail),
			Hint: "give it a key by its own tool, and look at its address; gate osdp probe tells more",
		}
	case l.trouble != osdp.NoNotice:
		return Condition{
			Word: wordRefused, Note: "the device offers less security than it must",
			Hint: "take it off its default key and install mode; if it is not, somebody sits on the line",
		}
	case !l.heard:
		return Condition{
			Word: wordNoAnswer, Note: "nothing comes from the device",
			Hint: "check its supply, the line's A and B, [turnstile] url, baud and address; gate osdp probe asks it",
		}
	}
	return Condition{Word: wordNoAnswer, Note: "Secure Channel is being set up", Hint: "wait a moment and look again"}
}
