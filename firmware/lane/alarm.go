package lane

// alarm is what frees the lane.
type alarm struct {
	causes  uint16 // CauseFire, CausePower: while they last
	closing timer  // how long the loop has been closed again
	restore bool   // somebody asked for the end of the alarm
}

// watchAlarm frees the lane and restores it. It reports whether there is no
// alarm. An open loop is acted on at once, before any debouncing.
func (l *Lane) watchAlarm(in, changed Inputs) bool {
	a := &l.alarm
	before := a.causes
	if in&LoopClosed == 0 {
		a.causes |= CauseFire
		a.closing = timer{}
	} else if a.causes&CauseFire != 0 {
		if !a.closing.on {
			a.closing.start(l.now, l.cfg.RestoreMS)
		}
		if !a.closing.running(l.now) {
			a.causes &^= CauseFire
		}
	}
	a.causes &^= CausePower
	if l.cfg.FreeOnPowerFail && l.senses.level&PowerGood == 0 {
		a.causes |= CausePower
	}
	if a.causes != 0 {
		a.restore = false
		if l.state != Free {
			l.setFree()
		} else if grown := a.causes &^ before; grown != 0 {
			l.emit(Freed, NoWay, 0, grown)
		}
		return false
	}
	if l.state != Free {
		return true
	}
	if l.cfg.ManualRestore && !a.restore && changed&l.senses.level&KeyTurned == 0 {
		return false
	}
	a.restore = false
	l.emit(Restored, NoWay, 0, 0)
	if l.home() {
		l.rest()
	} else {
		l.begin(l.senses.level, true)
	}
	return true
}

// setFree lets everybody go; the grants are over.
func (l *Lane) setFree() {
	causes := l.alarm.causes
	l.count.Freed++
	l.emit(Freed, NoWay, 0, causes)
	if l.inUse() {
		detail := causes | Moved
		if l.passage.crossed {
			detail |= Crossed
		}
		l.count.Revoked++
		l.end(Revoked, detail)
	}
	l.state = Free
	l.siren, l.chirp = timer{}, timer{}
	l.passage = passage{}
	l.takeBack(NoWay, causes)
}

// panel is whether there is one.
type panel struct {
	at   uint32 // when it was last heard; valid unless lost
	lost bool
}

// Heard says that an authenticated packet came from the panel.
func (l *Lane) Heard(now uint32) {
	l.now = now
	l.panel.at = now
	if l.panel.lost {
		l.panel.lost = false
		l.emit(PanelBack, NoWay, 0, 0)
	}
}

// watchPanel takes the grants of a panel back that has gone.
func (l *Lane) watchPanel() {
	if l.panel.lost || l.now-l.panel.at < l.cfg.PanelMS {
		return
	}
	l.panel.lost = true
	l.emit(PanelLost, NoWay, 0, 0)
	l.takeBack(NoWay, CausePanel)
}
