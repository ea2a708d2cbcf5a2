package lane

// Key is what makes two lanes behave alike from here on, apart from their
// events, counters and grant numbers, to a tenth of a second.
type Key struct {
	state   State
	mode    [2]Mode
	off     bool
	level   Inputs
	causes  uint16
	restore bool
	lost    bool
	ways    [QueueSize]Direction
	n       uint8
	armed   bool
	back    bool
	passage passage
	timing  [2]bool
	stuck   [2]bool
	lately  [2]bool
	unseen  [2]uint8
	ages    [9]uint8
}

// Key returns the lane's key. Ages are counted in tenths of a second up to most.
func (l *Lane) Key(most uint32) Key {
	k := Key{
		state: l.state, mode: l.mode, off: l.off, level: l.senses.level,
		causes: l.alarm.causes, restore: l.alarm.restore, lost: l.panel.lost,
		n: l.queue.n, armed: l.queue.armed, back: l.queue.back, passage: l.passage,
		timing: l.senses.timing, stuck: l.senses.stuck, lately: l.senses.lately, unseen: l.senses.unseen,
	}
	for i := range l.queue.n {
		k.ways[i] = l.queue.grant[i].way
	}
	age := func(i int, valid bool, since uint32) {
		if valid {
			k.ages[i] = 1 + uint8(min((l.now-since)/100, most)) // #nosec G115 -- most is small
		}
	}
	busy := l.state == Passing || l.state == Forced || l.state == Jammed
	k.passage.since = 0
	age(0, busy, l.passage.since)
	age(1, !l.panel.lost, l.panel.at)
	age(2, l.queue.armed, l.queue.armedAt)
	age(3, l.queue.back, l.queue.homeAt)
	age(4, l.queue.back, l.queue.backAt)
	age(5, l.alarm.closing.on, l.alarm.closing.from)
	for d := range 2 {
		age(6+d, l.senses.timing[d] && !l.senses.stuck[d], l.senses.darkAt[d])
	}
	return k
}
