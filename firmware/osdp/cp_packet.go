package osdp

// take acts on what the receiver made of the stream.
func (c *CP) take(now uint32, h heard) Action {
	switch h {
	case packet:
		c.bursting = false
		return c.packet(now)
	case garbled, torn:
		c.flight.mangled = true
		if h == torn {
			return Wait
		}
		c.stats.BadCheck++
		if !c.bursting {
			c.bursting = true
			c.tell(BadCheck, 0)
		}
	case nothing:
	}
	return Wait
}

// packet acts on a packet whose check is right.
func (c *CP) packet(now uint32) Action {
	f := &c.rx.frame
	if !f.Reply || c.cfg.Address != ConfigAddress && f.Address != c.cfg.Address || !c.flight.up {
		return Wait
	}
	c.stats.Packets++
	if !c.heard {
		c.heard = true
		c.tell(Heard, 0)
	}
	if f.Block == 0 {
		if a, done := c.beside(now, f); done {
			return a
		}
	}
	if f.Sequence != c.flight.sequence { // a late reply to a packet sent twice
		c.stats.BadSequence++
		return Wait
	}
	switch c.phase {
	case asking, looking:
		return c.introduced(now, f)
	case challenging:
		return c.challenged(now, f)
	case proving:
		return c.proven(now, f)
	case running:
		if c.secure {
			return c.secured(now, f)
		}
		return c.polled(now, f)
	case resting:
	}
	return Wait
}

// beside acts on the replies that a device may give outside Secure Channel at
// any time: BUSY, and a refusal. They are not authentic, so that the most they
// do is to make the panel repeat or start afresh.
func (c *CP) beside(now uint32, f *Frame) (a Action, done bool) {
	switch {
	case f.Code == ReplyBusy:
		if f.Sequence == 0 || f.Sequence == c.flight.sequence {
			c.flight.again, c.flight.againAt = true, now+c.cfg.BusyMS
		}
		return Wait, true
	case f.Code != ReplyNak || len(f.Data) == 0:
		return Wait, false
	}
	why := Nak(f.Data[0])
	if why == NakCheck {
		c.flight.mangled = true
		return Wait, true
	}
	c.tell(Refused, byte(why))
	rest := uint32(restAfterRefusal)
	if c.secure || why == NakSequence {
		rest = 0 // the device started anew, or lost count
	}
	if c.phase == challenging || c.phase == proving {
		c.stats.Downgrades++
	}
	c.close(now, Refused, rest)
	return Wait, true
}

// introduced takes the answer to ID or CAP outside Secure Channel.
func (c *CP) introduced(now uint32, f *Frame) Action {
	switch {
	case f.Block != 0:
		c.close(now, NoNotice, restAfterRefusal)
		return Wait
	case c.flight.command == CmdID && f.Code == ReplyPDID:
		c.known = c.id.Take(f.Data)
	case c.flight.command == CmdCap && f.Code == ReplyPDCap:
		c.learn(f.Data)
	}
	if !c.keyed() {
		c.good(now)
	}
	c.landed(now)
	return Wait
}

// polled takes the answer to a poll of a panel without a key, which nothing may
// depend on.
func (c *CP) polled(now uint32, f *Frame) Action {
	if f.Block == 0 {
		c.good(now)
	}
	c.landed(now)
	c.nextAt = now + c.cfg.PollMS
	return Wait
}

// secured takes the answer to a command inside the channel.
func (c *CP) secured(now uint32, f *Frame) Action {
	switch {
	case f.Block != scs16 && f.Block != scs18:
		return c.insulted(now, RefusedPlain, f.Code)
	case !c.sess.verify(f):
		c.stats.BadMAC++
		c.tell(BadMAC, 0)
		c.close(now, BadMAC, 0)
		return Wait
	case f.Block == scs16 && len(f.Data) > 0 && f.Code != ReplyNak:
		return c.insulted(now, RefusedUnencrypted, f.Code)
	}
	c.good(now)
	c.landed(now)
	if c.flight.ticket != 0 {
		c.reply = Reply{Ticket: c.flight.ticket, Command: c.flight.command, Code: f.Code, Data: f.Data}
		c.flight.ticket = 0
		if c.flight.command == CmdKeySet && f.Code == ReplyAck {
			c.key = c.newKey
			c.tell(KeyChanged, 0)
			c.close(now, KeyChanged, 0)
		}
		return Deliver
	}
	if c.flight.command == CmdPoll {
		c.nextAt = now + c.cfg.PollMS
		switch {
		case f.Code == ReplyNak && len(f.Data) > 0:
			c.tell(Refused, f.Data[0])
		case f.Code != ReplyAck:
			c.reply = Reply{Command: CmdPoll, Code: f.Code, Data: f.Data}
			return Deliver
		}
		return Wait
	}
	if f.Code == ReplyPDID {
		c.known = c.id.Take(f.Data)
	}
	if f.Code == ReplyPDCap {
		c.learn(f.Data)
	}
	c.step++
	return Wait
}

// insulted closes the channel because the device offered less security.
func (c *CP) insulted(now uint32, why NoticeKind, code byte) Action {
	c.stats.Downgrades++
	c.tell(why, code)
	c.close(now, why, restAfterRefusal)
	return Wait
}

// good notes that the device was heard for sure.
func (c *CP) good(now uint32) {
	c.goodAt, c.lost = now, false
}

func (c *CP) learn(d []byte) {
	c.capsN = 0
	c.peer = MinFrame
	for i := 0; c.capsN < MaxCapabilities; i++ {
		r, ok := CapabilityAt(d, i)
		if !ok {
			return
		}
		c.caps[c.capsN] = r
		c.capsN++
		if size := int(r.Level) | int(r.Items)<<8; r.Function == CapReceiveBuffer && size > 0 {
			c.peer = min(size, MaxFrame)
		}
	}
}

// challenged takes the device's nonce and its proof of the key.
func (c *CP) challenged(now uint32, f *Frame) Action {
	switch {
	case f.Block != scs12 || f.Code != ReplyCCrypt || len(f.Data) != 32:
		return c.insulted(now, RefusedPlain, f.Code)
	case f.BlockKey != 1:
		return c.insulted(now, RefusedDefaultKey, f.BlockKey)
	}
	copy(c.device[:], f.Data[8:])
	if c.device == c.panel {
		return c.insulted(now, RefusedNonce, 0)
	}
	c.sess.derive(&c.key, &c.panel)
	c.sess.cryptogram(&c.proof, &c.panel, &c.device)
	if !equal(c.proof[:], f.Data[16:]) {
		c.tell(BadProof, 0)
		c.close(now, BadProof, restAfterRefusal)
		return Wait
	}
	c.sess.cryptogram(&c.proof, &c.device, &c.panel)
	c.landed(now)
	return Wait
}

// proven takes the start of the MAC chain: the device accepts our proof.
func (c *CP) proven(now uint32, f *Frame) Action {
	if f.Block != scs14 || f.Code != ReplyRMacI {
		return c.insulted(now, RefusedPlain, f.Code)
	}
	c.sess.start(&c.proof)
	if f.BlockKey != 1 || !equal(c.sess.reply[:], f.Data) {
		c.tell(BadProof, 0)
		c.close(now, BadProof, restAfterRefusal)
		return Wait
	}
	c.secure = true
	c.stats.Handshakes++
	c.tell(Secured, 0)
	c.good(now)
	c.landed(now)
	return Wait
}
