package lane

// Counters count since the start; they wrap.
type Counters struct {
	Granted    uint32    // grants accepted
	Passed     [2]uint32 // by direction, with a grant
	FreePassed [3]uint32 // by direction (the last: unknown), without
	Expired    uint32
	TurnedBack uint32
	Revoked    uint32
	Forced     uint32
	Intruded   uint32 // forced, and the far beam was crossed
	Jammed     uint32
	Tailgated  uint32
	WrongWay   uint32
	Freed      uint32
}

// Status is the lane as a panel may ask for it at any time.
type Status struct {
	State     State
	Now       uint32 // the lane's time
	Inputs    Inputs // debounced
	Outputs   Outputs
	Modes     [2]Mode
	Armed     uint32 // the armed grant, zero for none or an anonymous one
	Grants    uint8  // grants held, the armed one included
	Boot      uint16
	LastEvent uint32 // Seq of the newest event
	Waiting   uint32 // events that no panel has confirmed
	Lost      uint32 // events overwritten before a panel confirmed them
	PanelLost bool
	Stuck     [2]bool // by the side of the beam
	Blind     [2]bool
	Counters  Counters
}

// Status returns the lane as of the last Step or command.
func (l *Lane) Status() Status {
	s := Status{
		State: l.state, Now: l.now, Inputs: l.senses.level, Outputs: l.out, Modes: l.mode,
		Grants: l.queue.n, Boot: l.cfg.Boot, LastEvent: l.ring.last, Waiting: l.ring.waiting(),
		Lost: l.ring.lost, PanelLost: l.panel.lost, Stuck: l.senses.stuck, Counters: l.count,
	}
	for d := In; d <= Out; d++ {
		s.Blind[d] = l.blind(d)
	}
	if l.state == Armed || l.inUse() {
		s.Armed = l.queue.grant[0].id
	}
	return s
}

// State returns what the lane is doing.
func (l *Lane) State() State { return l.state }
