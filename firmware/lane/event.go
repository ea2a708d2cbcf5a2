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
	Tailgated                  // two went through in one passage with one grant
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
	Unsure     uint8 = 1 << iota // the sensors do not prove it; counts as used
	Crossed                      // the far beam was crossed
	Moved                        // the rotor had moved for this grant
	CauseFire                    // the fire loop
	CausePower                   // the supply
	CausePanel                   // the panel fell silent, or asked for it
	CauseJam                     // the lane jammed
	CauseMode                    // mode or service changed
)

// Event is one thing that happened, in the order of Seq.
type Event struct {
	Seq    uint32 // from 1 after each start, without a gap: one that is missing was overwritten
	Grant  uint32 // the grant it is about, zero for none
	At     uint32 // the lane's time, in milliseconds
	Boot   uint16 // Config.Boot
	Kind   Kind
	Way    Direction
	Detail uint8
}

// RingSize is how many events wait for a panel. The oldest is overwritten by
// one more; [Status] counts those, and the numbers show the gap.
const RingSize = 64

// record is an event as it is kept.
type record struct {
	grant, at uint32
	kind      Kind
	way       Direction
	detail    uint8
}

// ring holds the events that no panel has confirmed.
type ring struct {
	record [RingSize]record
	last   uint32 // number of the newest event
	n      uint32 // how many are kept, of the newest
	lost   uint32 // overwritten unread; stays at its most
}

func (l *Lane) emit(k Kind, way Direction, grant uint32, detail uint8) {
	r := &l.ring
	r.last++
	r.record[r.last%RingSize] = record{grant: grant, at: l.now, kind: k, way: way, detail: detail}
	switch {
	case r.n < RingSize:
		r.n++
	case r.lost < ^uint32(0):
		r.lost++
	}
}

// Waiting returns how many events no panel has confirmed.
func (l *Lane) Waiting() int { return int(l.ring.n) }

// Event returns the i-th event that no panel has confirmed, the oldest being 0.
// It does not take it: see [Lane.Confirm].
func (l *Lane) Event(i int) (Event, bool) {
	r := &l.ring
	if i < 0 || i >= int(r.n) {
		return Event{}, false
	}
	seq := r.last - r.n + 1 + uint32(i) // #nosec G115 -- below RingSize
	k := r.record[seq%RingSize]
	return Event{
		Seq: seq, Grant: k.grant, At: k.at, Boot: l.cfg.Boot,
		Kind: k.kind, Way: k.way, Detail: k.detail,
	}, true
}

// Confirm drops the events up to and including seq, once a panel has them for
// good. A number that is not waiting changes nothing.
func (l *Lane) Confirm(seq uint32) {
	r := &l.ring
	if newer := r.last - seq; newer < r.n {
		r.n = newer
	}
}
