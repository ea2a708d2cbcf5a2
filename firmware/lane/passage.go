package lane

// passage is one turn of the rotor, from leaving home to coming home.
type passage struct {
	since   uint32
	opened  [2]bool   // directions that are not held for it
	way     Direction // NoWay until the beams have told
	granted bool      // the first grant's holder is in it
	stray   bool      // the rotor was found off home: no grant and no force
	shadow  [2]bool   // beams dark ever since it began
	crossed bool      // the far beam was reached
	again   bool      // the near beam was interrupted after that
	wrong   bool      // WrongWay was told
	tail    bool      // Tailgated was told
	first   Direction // side whose beam was interrupted first, NoWay for unknown
}

// leaveHome starts a passage, or an alarm where none is open.
func (l *Lane) leaveHome(was Inputs) {
	if l.state == Armed || l.open(In) || l.open(Out) {
		l.begin(was, false)
		return
	}
	l.begin(was, false)
	l.state = Forced
	l.count.Forced++
	l.siren.start(l.now, l.cfg.AlarmMS)
	l.emit(ForcedOpen, NoWay, 0, 0)
}

// begin starts a passage; was is the inputs before the rotor left.
func (l *Lane) begin(was Inputs, stray bool) {
	p := passage{since: l.now, way: NoWay, first: NoWay, stray: stray}
	armed := l.state == Armed
	for d := In; d <= Out; d++ {
		near, _ := beams(d)
		p.shadow[d] = was&near == 0
		p.opened[d] = stray || l.open(d) || armed && l.queue.grant[0].way == d
	}
	if p.shadow[In] != p.shadow[Out] {
		p.first = Out
		if p.shadow[In] {
			p.first = In
		}
	}
	switch {
	case p.opened[In] && !p.opened[Out]:
		p.way = In
	case p.opened[Out] && !p.opened[In]:
		p.way = Out
	default:
		p.way = p.first
	}
	p.granted = armed && (p.way == NoWay || p.way == l.queue.grant[0].way)
	l.passage = p
	l.state = Passing
}

// followBeams attributes the beams' changes to the passage.
func (l *Lane) followBeams(changed Inputs) {
	p := &l.passage
	for d := In; d <= Out; d++ {
		if l.open(d) {
			p.opened[d] = true
		}
		near, _ := beams(d)
		if changed&near == 0 {
			continue
		}
		if !l.dark(near) {
			p.shadow[d] = false
			continue
		}
		l.interrupted(d)
	}
}

// interrupted handles the beam on the near side of a direction going dark.
func (l *Lane) interrupted(side Direction) {
	p := &l.passage
	if p.first == NoWay {
		p.first = side
	}
	if p.way == NoWay {
		p.way = p.first
		if p.granted && p.way != l.queue.grant[0].way {
			p.granted = false // an open direction, used by somebody else
		}
	}
	if side == p.way {
		if p.crossed {
			p.again = true
		}
		if p.crossed && p.first != p.way && !p.wrong {
			p.wrong = true
			l.count.WrongWay++
			l.chirp.start(l.now, alarmChirp)
			l.emit(WrongWay, 1-p.way, 0, 0)
		}
		return
	}
	switch {
	case !p.crossed:
		p.crossed = true
	case p.again:
		p.again = false
		l.second()
	}
}

// second handles somebody else who is through in the same passage.
func (l *Lane) second() {
	p := &l.passage
	if l.state != Passing {
		return
	}
	if p.granted && l.queue.n > 1 && l.queue.grant[1].way == p.way {
		l.passed(Crossed | Moved)
		l.arm()
		l.state = Passing
		return
	}
	if l.open(p.way) {
		if !p.granted {
			l.freePassed(p.way, Crossed)
		}
		return
	}
	if !p.tail {
		p.tail = true
		l.count.Tailgated++
		l.chirp.start(l.now, alarmChirp)
		l.emit(Tailgated, p.way, 0, 0)
	}
}

// endPassage judges a passage whose rotor has come home.
func (l *Lane) endPassage() {
	p := &l.passage
	l.missed()
	far := NoWay
	if p.way != NoWay {
		far = 1 - p.way
	}
	through, detail := p.crossed, Crossed|Moved
	switch {
	case through && !p.stray:
	case through:
		detail |= Unsure
	case far == NoWay && p.shadow[In] && p.shadow[Out],
		far != NoWay && (p.shadow[far] || l.doubtful(far)):
		through, detail = true, Unsure|Moved
	}
	switch {
	case through && p.granted:
		l.passed(detail)
	case through:
		l.freePassed(p.way, detail)
	case p.granted:
		l.queue.back, l.queue.backAt, l.queue.homeAt = true, l.now, l.now
		l.passage = passage{}
		l.state = Armed
		return
	}
	if l.state == Passing && !p.granted && l.queue.n > 0 && l.queue.armedAt != 0 {
		_ = p
	}
	l.rest()
}

func (l *Lane) passed(detail uint8) {
	l.count.Passed[l.queue.grant[0].way&1]++
	l.end(Passed, detail)
}

func (l *Lane) freePassed(way Direction, detail uint8) {
	if way <= Out {
		l.count.FreePassed[way]++
	} else {
		l.count.FreePassed[In]++
	}
	l.emit(FreePassed, way, 0, detail)
}

// jam tells that the rotor does not come home; the grants are over.
func (l *Lane) jam() {
	p := &l.passage
	l.count.Jammed++
	l.siren.start(l.now, l.cfg.AlarmMS)
	detail := uint8(0)
	if p.crossed {
		detail = Crossed
	}
	if p.granted {
		l.end(JamBegan, detail|Moved)
	} else {
		l.emit(JamBegan, p.way, 0, detail)
	}
	p.granted = false
	l.state = Jammed
	l.takeBack(NoWay, CauseJam)
}

// clear ends Forced and Jammed.
func (l *Lane) clear() {
	detail := uint8(0)
	if l.passage.crossed {
		detail = Crossed
		if l.state == Forced {
			l.count.Intruded++
		}
	}
	l.emit(Cleared, l.passage.way, 0, detail)
	l.rest()
}
