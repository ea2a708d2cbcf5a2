package lane

// QueueSize is how many grants a lane holds, the armed one included.
const QueueSize = 4

// Memory is how many grant numbers a lane remembers after it took them.
const Memory = 16

// grant is the permission for one passage.
type grant struct {
	id  uint32
	ms  uint32
	way Direction
}

// queue holds the grants not yet used, in the order in which they are served.
type queue struct {
	grant   [QueueSize]grant
	n       uint8
	armed   bool   // the first was armed
	armedAt uint32 // when
	back    bool   // the rotor moved for it and came home without it
	homeAt  uint32 // when that was
	backAt  uint32 // since when the near beam is clear after that

	taken [Memory]uint32 // numbers of grants, a ring
	next  uint8
}

func (q *queue) knows(id uint32) bool {
	if id == 0 {
		return false
	}
	for i := range q.taken {
		if q.taken[i] == id {
			return true
		}
	}
	return false
}

func (q *queue) drop(i uint8) {
	for ; i+1 < q.n; i++ {
		q.grant[i] = q.grant[i+1]
	}
	q.n--
	q.grant[q.n] = grant{}
}

func (l *Lane) grant(c Command) Answer {
	q := &l.queue
	if c.MS == 0 {
		c.MS = l.cfg.GrantMS
	}
	switch {
	case c.Way > Out, c.MS < MinGrantMS, c.MS > MaxGrantMS:
		return Invalid
	case q.knows(c.Grant):
		return Duplicate
	case !l.takesGrants() || l.mode[c.Way] == Closed:
		return Refused
	case q.n == QueueSize:
		return Busy
	}
	q.grant[q.n] = grant{id: c.Grant, ms: c.MS, way: c.Way}
	q.n++
	if c.Grant != 0 {
		q.taken[q.next] = c.Grant
		q.next = (q.next + 1) % Memory
	}
	l.count.Granted++
	if l.state == Locked {
		l.arm()
	}
	return Accepted
}

// takesGrants reports whether a grant could be served now or soon.
func (l *Lane) takesGrants() bool {
	return !l.off && (l.state == Locked || l.state == Armed || l.state == Passing)
}

// arm releases the lane for the first waiting grant.
func (l *Lane) arm() {
	q := &l.queue
	l.state = Armed
	q.armed, q.armedAt, q.back = true, l.now, false
	l.emit(GrantArmed, q.grant[0].way, q.grant[0].id, 0)
}

// end ends the first grant and takes it off the queue.
func (l *Lane) end(k Kind, detail uint16) {
	g := l.queue.grant[0]
	l.queue.drop(0)
	l.queue.armed, l.queue.back = false, false
	l.emit(k, g.way, g.id, detail)
}

// waitForPerson waits with a grant armed and the rotor at home.
func (l *Lane) waitForPerson(changed Inputs) {
	q := &l.queue
	near, far := beams(q.grant[0].way)
	if q.back {
		if l.dark(near) {
			q.backAt = l.now
		}
		switch {
		case changed&far != 0 && l.dark(far) && l.now-q.homeAt < l.cfg.TurnBackMS:
			// Through after all, though late: used, in doubt.
			l.passed(Unsure | Crossed | Moved)
			l.rest()
			return
		case l.now-q.backAt >= l.cfg.TurnBackMS, l.now-q.armedAt >= q.grant[0].ms:
			l.count.TurnedBack++
			l.end(TurnedBack, Moved)
			l.rest()
			return
		}
	}
	if l.now-q.armedAt >= q.grant[0].ms {
		l.count.Expired++
		l.end(Expired, 0)
		l.rest()
	}
}

// revoke takes back one unused grant, or all.
func (l *Lane) revoke(id uint32) Answer {
	q := &l.queue
	if id == 0 {
		l.takeBack(NoWay, CausePanel)
		return Accepted
	}
	for i := range q.n {
		if q.grant[i].id != id {
			continue
		}
		if i == 0 && l.inUse() {
			return Refused
		}
		l.takeOne(i, CausePanel)
		l.settle()
		return Accepted
	}
	return Refused
}

// inUse reports whether the first grant's holder is in the rotor.
func (l *Lane) inUse() bool { return l.state == Passing && l.passage.granted }

// takeBack ends every unused grant of a direction, NoWay being both.
func (l *Lane) takeBack(way Direction, cause uint16) {
	from := uint8(0)
	if l.inUse() {
		from = 1
	}
	for i := from; i < l.queue.n; {
		if way == NoWay || l.queue.grant[i].way == way {
			l.takeOne(i, cause)
			continue
		}
		i++
	}
	l.settle()
}

func (l *Lane) takeOne(i uint8, cause uint16) {
	q := &l.queue
	g := q.grant[i]
	if i == 0 {
		if q.back {
			cause |= Moved
		}
		if l.state == Armed {
			l.state = Locked // settle arms the next
		}
		q.armed, q.back = false, false
	}
	q.drop(i)
	l.count.Revoked++
	l.emit(Revoked, g.way, g.id, cause)
}

// settle arms what waits, after the armed grant was taken back.
func (l *Lane) settle() {
	if l.state == Locked && (l.off || l.queue.n > 0) {
		l.rest()
	}
}
