package turnstile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/con-ting/conting/firmware/osdp"
	"github.com/con-ting/conting/sync/hint"
)

// ErrNoSecure means that Secure Channel did not come up.
var ErrNoSecure = errors.New("no Secure Channel")

// refusal is why a device that answers gets no Secure Channel.
type refusal struct{ word, note string }

func (r *refusal) Error() string { return fmt.Sprintf("%v: %s", ErrNoSecure, r.note) }

// Unwrap returns ErrNoSecure.
func (r *refusal) Unwrap() error { return ErrNoSecure }

// OSDPReport is what a device says of itself. What was told outside Secure Channel
// anybody on the line may have made up.
type OSDPReport struct {
	Answers  bool   `json:"answers"`          // anything valid came
	Vendor   string `json:"vendor,omitempty"` // IEEE number in hex
	Model    int    `json:"model"`
	Version  int    `json:"version"`
	Serial   uint32 `json:"serial"`
	Firmware string `json:"firmware,omitempty"`
	Ours     bool   `json:"ours"` // our controller: driven by events, not by contacts

	Capabilities []OSDPCapability `json:"capabilities,omitempty"`

	// Security is "no_key" (none was tried), "secured", or why it is not: "wrong_key",
	// "refused", "no_answer". DefaultKey says that the device claims to work with the
	// default key as well.
	Security   string   `json:"security"`
	DefaultKey bool     `json:"default_key"`
	Refused    []string `json:"refused,omitempty"` // what was refused on the way

	// The rest is told inside Secure Channel only; nil when it was not.
	Contacts []bool `json:"contacts,omitempty"` // true: active
	Outputs  []bool `json:"outputs,omitempty"`  // true: energised
	Cover    *bool  `json:"cover_open,omitempty"`
	Supply   *bool  `json:"supply_failing,omitempty"`
}

// OSDPCapability is one thing that a device can do (OSDP v2.2, annex B).
type OSDPCapability struct {
	Function int    `json:"function"`
	Name     string `json:"name"`
	Level    int    `json:"level"`
	Items    int    `json:"items"`
}

func capabilityName(function byte) string {
	names := [...]string{
		"", "contacts", "outputs", "card data format", "lamps", "sound", "text", "time keeping", "check", "security",
		"receive buffer", "largest message", "smart card", "readers", "biometrics", "secure PIN entry", "OSDP version",
	}
	if int(function) < len(names) && function > 0 {
		return names[function]
	}
	return "unknown"
}

// inquiry is a bus that somebody asks things of, one after the other.
type inquiry struct {
	*bus

	stop    context.CancelFunc
	changed chan struct{} // cap 1
	polls   func(*osdp.Reply)
	refused []string
	trouble osdp.NoticeKind
}

// inquire opens the line. Its end is close.
func inquire(ctx context.Context, cfg OSDPConfig) (*inquiry, error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	if cfg.Key != (OSDPKey{}) && !cfg.Key.usable() {
		return nil, ErrKey
	}
	q := &inquiry{bus: newBus(cfg.open, cfg.panel(), cfg.Now), changed: make(chan struct{}, 1)}
	if q.bus == nil {
		return nil, ErrLine
	}
	stir := func() {
		select {
		case q.changed <- struct{}{}:
		default:
		}
	}
	q.noticed = func(n osdp.Notice) {
		if message, grave := notice(n.Kind); grave && n.Kind != osdp.Offline && !slices.Contains(q.refused, message) {
			q.refused = append(q.refused, message)
		}
		switch n.Kind { //nolint:exhaustive // the rest is no refusal
		case osdp.BadProof, osdp.RefusedDefaultKey, osdp.RefusedPlain, osdp.RefusedUnencrypted, osdp.RefusedNonce, osdp.Refused:
			q.trouble = n.Kind
		}
		stir()
	}
	q.polled = func(r *osdp.Reply) {
		if q.polls != nil {
			q.polls(r)
		}
	}
	q.pump = func() time.Duration { stir(); return idleTurn }
	ctx, q.stop = context.WithCancel(ctx)
	go q.run(ctx)
	return q, nil
}

func (q *inquiry) close() {
	q.stop()
	<-q.gone
}

// look runs f in the bus and waits for it.
func (q *inquiry) look(ctx context.Context, f func()) error {
	done := make(chan struct{})
	if !q.post(ctx, func() { f(); close(done) }) {
		return cmpErr(ctx.Err(), ErrClosed)
	}
	select {
	case <-done:
		return nil
	case <-q.gone:
		return cmpErr(ctx.Err(), ErrClosed)
	}
}

func cmpErr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// until waits for fits, which runs in the bus. After each change it is asked again.
func (q *inquiry) until(ctx context.Context, fits func() bool) error {
	for {
		ok := false
		if err := q.look(ctx, func() { ok = fits() }); err != nil || ok {
			return err
		}
		select {
		case <-q.changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ask sends a command through Secure Channel and returns its answer, with data of
// its own.
func (q *inquiry) ask(ctx context.Context, code byte, data []byte) (r osdp.Reply, err error) {
	got := make(chan osdp.Reply, 1)
	sent := false
	err = q.look(ctx, func() {
		sent = q.submit(code, data, func(r *osdp.Reply) {
			own := *r
			own.Data = slices.Clone(r.Data)
			got <- own
		})
	})
	if err != nil {
		return r, err
	}
	if !sent {
		return r, errAway
	}
	select {
	case r = <-got:
	case <-ctx.Done():
		return r, ctx.Err()
	}
	if r.Fault != osdp.FaultNone {
		return r, errAway
	}
	return r, nil
}

// secure waits for Secure Channel, or for the reason that there will be none.
func (q *inquiry) secure(ctx context.Context) error {
	var trouble osdp.NoticeKind
	var down error
	online := false
	err := q.until(ctx, func() bool {
		online, trouble, down = q.cp.Online(), q.trouble, q.err
		return online || trouble != osdp.NoNotice
	})
	switch {
	case online:
		return nil
	case trouble != osdp.NoNotice:
		c := link{trouble: trouble}.condition()
		return hint.Errorf(c.Hint, "%w", &refusal{c.Word, c.Note})
	case down != nil:
		return fmt.Errorf("%w: %w", ErrNoSecure, down)
	}
	return fmt.Errorf("%w: nothing comes from the device: %w", ErrNoSecure, err)
}

// ProbeOSDP asks a device who it is and what it can do, and with a key how its
// contacts are. It changes nothing. That a device does not answer by the end of ctx,
// or refuses Secure Channel, is in the report and no error.
func ProbeOSDP(ctx context.Context, cfg OSDPConfig) (OSDPReport, error) {
	r := OSDPReport{Security: "no_key"}
	if cfg.Key != (OSDPKey{}) {
		if err := probe(ctx, cfg, &r); err != nil || r.Security == "secured" || r.Security == wordNoAnswer {
			return r, err
		}
		cfg.Key = OSDPKey{}
	}
	return r, probe(ctx, cfg, &r)
}

func probe(ctx context.Context, cfg OSDPConfig, r *OSDPReport) error {
	q, err := inquire(ctx, cfg)
	if err != nil {
		return err
	}
	defer q.close()
	if cfg.Key != (OSDPKey{}) {
		err = q.secure(ctx)
		r.Security = "secured"
		if err != nil {
			r.Security = wordNoAnswer
			var refused *refusal
			if errors.As(err, &refused) {
				r.Security = refused.word
			}
		} else {
			err = q.contacts(ctx, r)
		}
	} else {
		err = q.until(ctx, func() bool { return len(q.cp.Capabilities()) > 0 })
	}
	var down error
	if lerr := q.look(context.WithoutCancel(ctx), func() { q.describe(r); down = q.err }); lerr != nil {
		<-q.gone
		q.describe(r) // it has ended, and is ours
		down = q.err
	}
	if !r.Answers && down != nil {
		return fmt.Errorf("open the line: %w", down)
	}
	if errors.Is(err, ErrNoSecure) || ctx.Err() != nil {
		return nil // it is in the report
	}
	return err
}

// describe takes what the panel's end knows.
func (q *inquiry) describe(r *OSDPReport) {
	r.Refused = append(r.Refused, q.refused...)
	id, ok := q.cp.Identity()
	if r.Answers = r.Answers || ok || q.cp.Stats().Packets > 0; ok {
		r.Vendor, r.Model, r.Version, r.Serial = fmt.Sprintf("%X", id.Vendor), int(id.Model), int(id.Version), id.Serial
		r.Firmware = fmt.Sprintf("%d.%d.%d", id.Firmware[0], id.Firmware[1], id.Firmware[2])
		r.Ours = string(id.Vendor[:]) == osdp.Vendor && id.Model == model
	}
	if caps := q.cp.Capabilities(); len(caps) > 0 {
		r.Capabilities = nil
		for _, c := range caps {
			r.Capabilities = append(r.Capabilities, OSDPCapability{int(c.Function), capabilityName(c.Function), int(c.Level), int(c.Items)})
			r.DefaultKey = r.DefaultKey || c.Function == osdp.CapSecurity && c.Items&1 != 0
		}
	}
}

// contacts asks for everything that takes Secure Channel. What the device does not
// know stays out of the report.
func (q *inquiry) contacts(ctx context.Context, r *OSDPReport) error {
	if err := q.until(ctx, func() bool { return len(q.cp.Capabilities()) > 0 || !q.cp.Online() }); err != nil {
		return err
	}
	for _, c := range []struct {
		command, reply byte
		take           func(levels []bool)
	}{
		{osdp.CmdIStat, osdp.ReplyIStat, func(l []bool) { r.Contacts = l }},
		{osdp.CmdOStat, osdp.ReplyOStat, func(l []bool) { r.Outputs = l }},
		{osdp.CmdLStat, osdp.ReplyLStat, func(l []bool) {
			if len(l) >= 2 {
				r.Cover, r.Supply = &l[0], &l[1]
			}
		}},
	} {
		got, err := q.ask(ctx, c.command, nil)
		if err != nil {
			return err
		}
		if got.Code == c.reply {
			c.take(levels(got.Data))
		}
	}
	return nil
}

func levels(d []byte) []bool {
	out := make([]bool, len(d))
	for i, b := range d {
		out[i] = b != 0
	}
	return out
}

// ErrKeyInDoubt means that the device may have either key: keep both.
var ErrKeyInDoubt = errors.New("the device may have the old key or the new one")

// RekeyOSDP gives a device another key, through Secure Channel and never otherwise,
// and proves that the device has it. An error that does not wrap [ErrKeyInDoubt]
// means that the device still has the old key.
func RekeyOSDP(ctx context.Context, cfg OSDPConfig, key OSDPKey) error {
	if !key.usable() || !cfg.Key.usable() || key == cfg.Key {
		return fmt.Errorf("%w: want an old key and another, neither the default one", ErrKey)
	}
	q, err := inquire(ctx, cfg)
	if err != nil {
		return err
	}
	defer q.close()
	if err := q.secure(ctx); err != nil {
		return err
	}
	got := make(chan osdp.Reply, 1)
	sent := false
	var before uint32
	raw := [16]byte(key)
	if err := q.look(ctx, func() {
		before = q.cp.Stats().Handshakes
		sent = q.await(q.cp.Rekey(&raw), func(r *osdp.Reply) { got <- *r })
	}); err != nil {
		return err
	}
	if !sent {
		return errAway
	}
	select {
	case r := <-got:
		switch {
		case r.Fault == osdp.FaultUnsent:
			return errAway
		case r.Fault == osdp.FaultNone && r.Code == osdp.ReplyNak:
			return hint.Errorf("set the key with the device's own tool", "the device refuses a new key")
		case r.Fault != osdp.FaultNone || r.Code != osdp.ReplyAck:
			return ErrKeyInDoubt
		}
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrKeyInDoubt, ctx.Err())
	}
	if err := q.until(ctx, func() bool { return q.cp.Online() && q.cp.Stats().Handshakes > before }); err != nil {
		return fmt.Errorf("%w: Secure Channel did not come back: %w", ErrKeyInDoubt, err)
	}
	return nil
}

// Contact is one input of a lane, by its name for people.
type Contact struct {
	Name   string
	Active bool // not as at rest
}

// WatchOSDP tells a device's contacts, at once and after each change, until ctx ends.
// It grants nothing.
func WatchOSDP(ctx context.Context, cfg OSDPConfig, see func([]Contact)) error {
	q, err := inquire(ctx, cfg)
	if err != nil {
		return err
	}
	defer q.close()
	if err := q.secure(ctx); err != nil {
		return err
	}
	who, err := q.ask(ctx, osdp.CmdID, []byte{0})
	if err != nil {
		return err
	}
	var id osdp.Identity
	ours := id.Take(who.Data) && string(id.Vendor[:]) == osdp.Vendor && id.Model == model
	tick := time.NewTicker(osdpPoll)
	defer tick.Stop()
	var last []Contact
	for told := false; ; {
		r, err := q.ask(ctx, osdp.CmdIStat, nil)
		if err != nil {
			return err
		}
		if r.Code != osdp.ReplyIStat {
			return hint.Errorf("the device has no contacts that it tells", "%w", errNoModule)
		}
		now := named(levels(r.Data), ours, &cfg.Wiring)
		if !told || !slices.Equal(now, last) {
			told, last = true, now
			see(slices.Clone(now))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// The names of contacts. Those of our controller stand in the order in which it
// tells them.
const (
	ContactRotor  = "rotor"
	ContactBeamA  = "near beam"
	ContactBeamB  = "far beam"
	ContactLoop   = "fire loop"
	ContactCover  = "cover"
	ContactSupply = "supply"
	ContactKey    = "staff key"
)

// named gives contacts their names.
func named(active []bool, ours bool, w *Wiring) []Contact {
	if ours {
		names := []string{ContactRotor, ContactBeamA, ContactBeamB, ContactLoop, ContactCover, ContactSupply, ContactKey}
		out := make([]Contact, 0, len(names))
		for i, name := range names {
			if i < len(active) {
				out = append(out, Contact{name, active[i]})
			}
		}
		return out
	}
	return w.contacts(func(line int) bool { return line < len(active) && active[line] })
}

// contacts are the wired inputs, by name.
func (w Wiring) contacts(high func(line int) bool) []Contact {
	in := w.read(high)
	var out []Contact
	for _, c := range []struct {
		pin    Pin
		name   string
		active bool
	}{
		{w.Passed[In], "passed in", in.Passed[In]},
		{w.Passed[Out], "passed out", in.Passed[Out]},
		{w.Ready, "out of service", in.Fault},
		{w.Alarm, "alarm", in.Alarm},
		{w.Fire, ContactLoop, in.Fire},
	} {
		if c.pin.Wired {
			out = append(out, Contact{c.name, c.active})
		}
	}
	return out
}

// WatchWires tells the inputs of a lane with contacts, as WatchOSDP does.
func WatchWires(ctx context.Context, open func(context.Context) (Wires, error), w Wiring, see func([]Contact)) (err error) {
	wires, err := open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, wires.Close()) }()
	return wires.Watch(ctx, func(in Inputs) {
		active := map[int]bool{}
		for _, c := range []struct {
			pin Pin
			on  bool
		}{{w.Passed[In], in.Passed[In]}, {w.Passed[Out], in.Passed[Out]}, {w.Ready, !in.Fault}, {w.Alarm, in.Alarm}, {w.Fire, in.Fire}} {
			active[c.pin.Line] = c.pin.level(c.on)
		}
		see(w.contacts(func(line int) bool { return active[line] }))
	})
}
