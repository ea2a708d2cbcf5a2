package osdp

// Pauses of a panel, in ms.
const (
	restAfterRefusal = 1000 // a device that does not know the key is no urgency
	restWhenLost     = 500
)

// bitsPerByte is a byte on the line: start, eight, stop.
const bitsPerByte = 10

// Feed takes one byte from the line at now, in ms of a clock that may wrap.
func (c *CP) Feed(now uint32, b byte) Action {
	if !c.ready {
		return Wait
	}
	return c.take(now, c.rx.feed(now, c.cfg.CharMS, b))
}

// Tick lets time pass and starts what is due. Call it after the bytes that came
// were fed, and when Due says so.
func (c *CP) Tick(now uint32) Action {
	if !c.ready {
		return Wait
	}
	if !c.begun {
		c.begun, c.goodAt, c.nextAt = true, now, now
	}
	if !c.lost && now-c.goodAt > c.cfg.OfflineMS {
		c.lost, c.heard = true, false
		c.tell(Offline, 0)
		c.close(now, Offline, restWhenLost)
	}
	if a := c.take(now, c.rx.tick(now, c.cfg.CharMS)); a != Wait {
		return a
	}
	switch {
	case c.reportLost(), !c.secure && c.reportUnsent():
		return Deliver
	case c.flight.up:
		return c.waiting(now)
	case c.hurried() || until(now, c.nextAt) == 0:
		return c.next(now)
	}
	return Wait
}

// Restart gives the present exchange up and starts afresh.
func (c *CP) Restart(now uint32) {
	if c.ready {
		c.close(now, NoNotice, 0)
	}
}

// waiting watches the exchange under way.
func (c *CP) waiting(now uint32) Action {
	f := &c.flight
	quiet := c.rx.idle() && now-c.rx.last > c.cfg.CharMS
	age := until(f.leftAt, now)
	switch {
	case f.again:
		if until(now, f.againAt) > 0 {
			return Wait
		}
		f.again = false
		return c.send(now)
	case f.mangled && quiet, age > c.cfg.ReplyMS && c.rx.idle(), age > 4*c.cfg.ReplyMS:
		return c.repeat(now)
	}
	return Wait
}

// repeat sends the same packet again, byte for byte, so that the device can
// tell that it is the same.
func (c *CP) repeat(now uint32) Action {
	f := &c.flight
	f.tries++
	limit := c.cfg.Retries
	if c.phase == asking || c.phase == looking {
		limit = 0 // nothing is lost by starting afresh
	}
	if f.tries > limit {
		rest := c.cfg.PollMS
		if c.lost {
			rest = restWhenLost
		}
		c.close(now, NoNotice, rest)
		return Wait
	}
	c.stats.Repeats++
	return c.send(now)
}

func (c *CP) send(now uint32) Action {
	c.flight.leftAt, c.flight.mangled = now, false
	if c.cfg.Baud > 0 {
		c.flight.leftAt += uint32(c.tx.n)*bitsPerByte*1000/c.cfg.Baud + 1 // #nosec G115 -- at most MaxFrame+1
	}
	c.rx.reset()
	return Send
}

// launch begins an exchange with the packet that tx holds.
func (c *CP) launch(now uint32, command byte, ticket uint16) Action {
	c.flight = flight{up: true, command: command, sequence: c.sequence, ticket: ticket}
	c.sequence = c.sequence%3 + 1
	return c.send(now)
}

// landed ends the exchange: its reply came.
func (c *CP) landed(now uint32) {
	c.flight.up = false
	c.nextAt = now
}

// hurried reports whether something waits that is no poll.
func (c *CP) hurried() bool {
	return c.phase == running && c.secure && (!c.queue.empty() || c.step != setupDone)
}

// next begins the exchange that is due.
func (c *CP) next(now uint32) Action {
	switch c.phase {
	case resting:
		c.sequence, c.phase = 0, asking
		return c.ask(now, CmdID, 1)
	case asking:
		if !c.keyed() {
			c.phase = looking
			return c.ask(now, CmdCap, 1)
		}
		return c.challenge(now)
	case challenging:
		c.phase = proving
		c.tx.block(c.cfg.Address, c.sequence, scs13, 1, CmdSCrypt, c.proof[:])
		return c.launch(now, CmdSCrypt, 0)
	case looking, proving:
		c.phase, c.step = running, setupID
	case running:
	}
	if !c.secure {
		return c.ask(now, CmdPoll, 0)
	}
	if !c.queue.empty() {
		w := c.queue.take()
		return c.sealed(now, w.code, w.data[:w.n], w.ticket)
	}
	c.scratch[0] = 0
	switch c.step {
	case setupID:
		return c.sealed(now, CmdID, c.scratch[:1], 0)
	case setupCap:
		return c.sealed(now, CmdCap, c.scratch[:1], 0)
	case setupRxSize:
		put16(c.scratch[:], c.cfg.RxSize)
		return c.sealed(now, CmdACURxSize, c.scratch[:2], 0)
	case setupDone:
	}
	return c.sealed(now, CmdPoll, nil, 0)
}

func (c *CP) ask(now uint32, command byte, n int) Action {
	c.scratch[0] = 0
	c.tx.plain(c.cfg.Address, c.sequence, command, c.scratch[:n])
	return c.launch(now, command, 0)
}

func (c *CP) sealed(now uint32, command byte, data []byte, ticket uint16) Action {
	c.sess.seal(&c.tx, false, c.cfg.Address, c.sequence, command, data)
	return c.launch(now, command, ticket)
}

// challenge starts the handshake, with a nonce that was never used before.
func (c *CP) challenge(now uint32) Action {
	if !c.cfg.Nonce.Fill(&c.panel) {
		c.tell(RefusedNonce, 0)
		c.close(now, NoNotice, restAfterRefusal)
		return Wait
	}
	c.phase = challenging
	c.tx.block(c.cfg.Address, c.sequence, scs11, 1, CmdChlng, c.panel[:])
	return c.launch(now, CmdChlng, 0)
}

// close gives the channel and the exchange up; the next begins after rest ms.
// What was submitted is reported by the Ticks that follow.
func (c *CP) close(now uint32, why NoticeKind, rest uint32) {
	if c.secure {
		c.tell(Closed, byte(why))
	}
	c.secure, c.phase, c.step, c.peer = false, resting, setupID, MinFrame
	c.sess.wipe()
	c.flight.up = false
	c.nextAt = now + rest
}

// reportLost makes the outcome of the command that was under way when the
// channel was closed.
func (c *CP) reportLost() bool {
	if c.flight.up || c.flight.ticket == 0 {
		return false
	}
	c.reply = Reply{Ticket: c.flight.ticket, Command: c.flight.command, Fault: FaultLost}
	c.flight.ticket = 0
	return true
}

func (c *CP) reportUnsent() bool {
	if c.queue.empty() {
		return false
	}
	w := c.queue.take()
	c.reply = Reply{Ticket: w.ticket, Command: w.code, Fault: FaultUnsent}
	return true
}
