package lane

// passage is one turn of the rotor, from leaving home to coming home.
type passage struct {
	since   uint32
	opened  [2]bool   // directions that are not held for it
	way     Direction // NoWay until the beams have told
	first   Direction // side whose beam was interrupted first, NoWay for unknown
	granted bool      // the armed grant's holder is in it
	stray   bool      // the rotor was found off home: no grant and no force
	shadow  [2]bool   // by side: the beam is dark ever since the rotor left
	seen    [2]bool   // by side: the beam was dark
	crossed bool      // the far beam was reached
	again   bool      // the near beam was interrupted after that
	wrong   bool      // WrongWay was told
}

// leaveHome starts a passage, or an alarm where nobody may pass.
func (l *Lane) leaveHome(was Inputs) {
	allowed := l.state == Armed || l.open(In) || l.open(Out)
	l.begin(was, false)
	if allowed {
		return
	}
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
		p.seen[d] = p.shadow[d]
		p.opened[d] = stray || l.open(d) || armed && l.queue.grant[0].way == d
	}
	switch {
	case p.opened[In] && !p.opened[Out]:
		p.way = In
		p.first = l.cameFrom(&p, In)
	case p.opened[Out] && !p.opened[In]:
		p.way = Out
		p.first = l.cameFrom(&p, Out)
	default:
		p.first = l.cameFrom(&p, NoWay)
		p.way = p.first
	}
	p.granted = armed && (p.way == NoWay || p.way == l.queue.grant[0].way)
	l.passage = p
	l.state = Passing
}

// cameFrom returns the side that somebody came from, judged by which beam was
// interrupted when the rotor left, or shortly before. Where both were, it is
// the expected side, if there is one.
func (l *Lane) cameFrom(p *passage, expected Direction) Direction {
	a, b := p.shadow[In] || l.senses.lately[In], p.shadow[Out] || l.senses.lately[Out]
	if a && b && expected == NoWay {
		a, b = p.shadow[In], p.shadow[Out]
	}
	switch {
	case a && b:
		return expected
	case a:
		return In
	case b:
		return Out
	}
	return NoWay
}

// followBeams attributes the beams' changes to the passage.
func (l *Lane) followBeams(changed Inputs) {
	p := &l.passage
	for d := In; d <= Out; d++ {
		if l.open(d) {
			p.opened[d] = true
		}
		beam, _ := beams(d)
		switch {
		case changed&beam == 0:
		case l.dark(beam):
			p.seen[d] = true
			l.interrupted(d)
		default:
			p.shadow[d] = false
		}
	}
}

// interrupted handles the beam on a side going dark.
func (l *Lane) interrupted(side Direction) {
	p := &l.passage
	if p.first == NoWay {
		p.first = side
	}
	if p.way == NoWay {
		p.way = p.first
		if p.granted && p.way != l.queue.grant[0].way {
			p.granted = false // somebody else, in the open direction
		}
	}
	if side != p.way {
		if p.crossed && p.again {
			l.second()
		}
		p.crossed, p.again = true, false
		return
	}
	p.again = p.crossed
	_, far := beams(p.way)
	if p.first != p.way && !p.wrong && (p.crossed || !l.dark(far)) {
		p.wrong = true
		l.count.WrongWay++
		l.chirp.start(l.now, alarmChirp)
		l.emit(WrongWay, p.first, 0, 0)
	}
}

// second handles somebody else who is through in the same passage.
func (l *Lane) second() {
	p := &l.passage
	switch {
	case l.state != Passing, p.stray:
	case p.granted && l.queue.n > 1 && l.queue.grant[1].way == p.way:
		l.passed(Crossed | Moved)
		l.arm()
		l.state = Passing
		p.since = l.now
	case l.open(p.way):
		if p.granted {
			l.passed(Crossed | Moved)
			p.granted = false
		} else {
			l.freePassed(Crossed | Moved)
		}
		p.since = l.now
	default:
		l.count.Tailgated++
		l.chirp.start(l.now, alarmChirp)
		l.emit(Tailgated, p.way, 0, 0)
	}
}

// endPassage judges a passage whose rotor has come home.
func (l *Lane) endPassage() {
	p := &l.passage
	through, detail := p.crossed, Crossed|Moved
	if p.stray {
		detail |= Unsure
	}
	if !through && l.doubtful() {
		through, detail = true, Unsure|Moved
	}
	l.missed()
	switch {
	case through && p.granted:
		l.passed(detail)
	case through:
		l.freePassed(detail)
	case p.granted:
		l.queue.back, l.queue.backAt, l.queue.homeAt = true, l.now, l.now
	}
	l.rest()
}

// doubtful reports whether the far beam cannot tell that nobody crossed it.
func (l *Lane) doubtful() bool {
	p := &l.passage
	if p.way == NoWay {
		return p.shadow[In] && p.shadow[Out]
	}
	far := 1 - p.way
	return p.shadow[far] || l.blind(far) // a stuck one is the former
}

// missed counts a passage for a beam that it did not interrupt, though it did
// the other.
func (l *Lane) missed() {
	p, s := &l.passage, &l.senses
	for d := In; d <= Out; d++ {
		if !p.seen[1-d] || p.seen[d] || l.blind(d) {
			continue
		}
		s.unseen[d]++
		if l.blind(d) {
			l.emit(BeamBlind, d, 0, 0)
		}
	}
}

// passed consumes the armed grant.
func (l *Lane) passed(detail uint16) {
	l.count.Passed[l.queue.grant[0].way&1]++
	l.end(Passed, detail)
}

func (l *Lane) freePassed(detail uint16) {
	way := l.passage.way
	l.count.FreePassed[min(way, NoWay)]++
	l.emit(FreePassed, way, 0, detail)
}

// jam tells that the rotor does not come home; the grants are over.
func (l *Lane) jam() {
	p := &l.passage
	l.count.Jammed++
	l.siren.start(l.now, l.cfg.AlarmMS)
	var detail uint16
	if p.crossed {
		detail = Crossed
	}
	if p.granted {
		l.end(JamBegan, detail|Moved)
	} else {
		l.emit(JamBegan, p.way, 0, detail)
	}
	l.state = Jammed
	l.takeBack(NoWay, CauseJam)
}

// clear ends Forced and Jammed.
func (l *Lane) clear() {
	var detail uint16
	if l.passage.crossed {
		detail = Crossed
		if l.state == Forced {
			l.count.Intruded++
		}
	}
	l.emit(Cleared, l.passage.way, 0, detail)
	l.rest()
}
