package lane

// Kind is what an event says.
type Kind uint8

// The kinds. Those marked "ends" name a grant and are its last; every accepted
// grant gets exactly one of them.
const (
	Booted     Kind = iota + 1 // the controller started; Detail is the Reason
	GrantArmed                 // the lane is released for the grant
	Passed                     // ends: the person is through; Detail may hold Unsure
	Expired                    // ends: nobody moved the rotor in time
	TurnedBack                 // ends: the person went back out
	Revoked                    // ends: taken back; Detail holds the cause and Moved
	FreePassed                 // somebody used an open direction without a grant, or one that a restart or alarm left turning (Unsure)
	ForcedOpen                 // the rotor moved though it is held
	JamBegan                   // the rotor did not come home; ends the grant that it names
	Cleared                    // forced or jammed is over; Crossed if somebody went through
	Tailgated                  // one more went through in the same passage without a grant
	WrongWay                   // the beams were crossed against the direction that is open
	Freed                      // alarm, nobody is held; Detail is CauseFire or CausePower
	Restored                   // the alarm is over
	ServiceOff                 // out of service by command
	ServiceOn
	CoverOpened
	CoverShut
	PowerFailed
	PowerBack
	PanelLost // silent for Config.PanelMS
	PanelBack
	BeamStuck  // interrupted for too long; the direction is the one whose near beam it is
	BeamBlind  // several passages did not interrupt it
	BeamBack   // no longer stuck or blind
	ModeChange // Detail is the new Mode
	lastKind   = ModeChange
)

// String returns the stable word for the kind.
func (k Kind) String() string {
	if k == 0 || k > lastKind {
		return "unknown"
	}
	return [...]string{
		"booted", "grant_armed", "passed", "expired", "turned_back", "revoked", "free_passed",
		"forced", "jam", "cleared", "tailgated", "wrong_way", "freed", "restored", "service_off",
		"service_on", "cover_opened", "cover_shut", "power_failed", "power_back", "panel_lost",
		"panel_back", "beam_stuck", "beam_blind", "beam_back", "mode_change",
	}[k-1]
}

// The bits of a Detail, except where [Kind] says otherwise.
const (
	Unsure     uint16 = 1 << iota // the sensors do not prove it; counts as used
	Crossed                       // the far beam was crossed
	Moved                         // the rotor had moved for this grant
	CauseFire                     // the fire loop
	CausePower                    // the supply
	CausePanel                    // the panel fell silent, or asked for it
	CauseJam                      // the lane jammed
	CauseMode                     // mode or service changed
	Gap                           // events just before this one were overwritten unread
)

// Event is one thing that happened, in the order of Seq.
type Event struct {
	Seq    uint32 // from 1 after each start, without a gap: one that is missing was overwritten
	Grant  uint32 // the grant it is about, zero for none
	At     uint32 // the lane's time, in milliseconds
	Boot   uint16 // Config.Boot
	Kind   Kind
	Way    Direction
	Detail uint16
}

// RingSize is how many events wait for a panel. The oldest is overwritten by
// one more; [Status] counts those, the numbers show the gap, and so does [Gap],
// for a line that carries fewer digits of the number.
const RingSize = 64

// record is an event as it is kept.
type record struct {
	grant, at uint32
	kind      Kind
	way       Direction
	detail    uint16
}

// ring holds the events that no panel has confirmed.
type ring struct {
	record    [RingSize]record
	last      uint32 // number of the newest event
	confirmed uint32 // number of the newest that a panel has
	lost      uint32 // overwritten unconfirmed; stays at its most
}

// waiting returns how many are kept; the oldest is that far behind the last.
func (r *ring) waiting() uint32 { return min(r.last-r.confirmed, RingSize) }

func (l *Lane) emit(k Kind, way Direction, grant uint32, detail uint16) {
	r := &l.ring
	if r.waiting() == RingSize && r.lost < ^uint32(0) {
		r.lost++
	}
	r.last++
	r.record[r.last%RingSize] = record{grant: grant, at: l.now, kind: k, way: way, detail: detail}
}

// Waiting returns how many events can be read that no panel has confirmed.
func (l *Lane) Waiting() int { return int(l.ring.waiting()) }

// Event returns the i-th event that no panel has confirmed, the oldest being 0.
// It does not take it: see [Lane.Confirm].
func (l *Lane) Event(i int) (Event, bool) {
	r := &l.ring
	n := r.waiting()
	if i < 0 || i >= int(n) {
		return Event{}, false
	}
	seq := r.last - n + 1 + uint32(i) // #nosec G115 -- below RingSize
	k := &r.record[seq%RingSize]
	e := Event{
		Seq: seq, Grant: k.grant, At: k.at, Boot: l.cfg.Boot,
		Kind: k.kind, Way: k.way, Detail: k.detail,
	}
	if i == 0 && seq-r.confirmed != 1 {
		e.Detail |= Gap
	}
	return e, true
}

// Confirm drops the events up to and including seq, once a panel has them for
// good. A number that no waiting event has changes nothing.
func (l *Lane) Confirm(seq uint32) {
	r := &l.ring
	if r.last-seq < r.last-r.confirmed {
		r.confirmed = seq
	}
}
