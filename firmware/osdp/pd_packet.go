package osdp

// take acts on what the receiver made of the stream.
func (p *PD) take(now uint32, h heard) Action {
	switch h {
	case packet:
		p.bursting = false
		return p.packet(now)
	case garbled:
		p.stats.BadCheck++
		if !p.bursting {
			p.bursting = true
			p.tell(BadCheck, 0)
		}
		// A panel that hears this repeats at once instead of waiting. Nothing may
		// have followed, or the packet's end was not where its length says and
		// somebody else is speaking. Inside the channel there is no MAC to answer
		// with, and there are panels that take a refusal without one for the
		// channel's end: those must find out by themselves.
		if p.rx.alone && p.rx.bad[1] == p.address && (!p.secure || p.ours) {
			p.to = p.address
			return p.refuse(p.rx.bad[4]&ctrlSequence, NakCheck)
		}
	case nothing, torn:
	}
	return Wait
}

// packet acts on a packet whose check is right.
func (p *PD) packet(now uint32) Action {
	f := &p.rx.frame
	if f.Reply || f.Address != p.address && (f.Address != ConfigAddress || !p.cfg.ConfigAddress) {
		return Wait
	}
	p.stats.Packets++
	if !p.heard {
		p.heard = true
		p.tell(Heard, 0)
	}
	p.to = f.Address
	same := fingerprint(p.rx.buf[:p.rx.used])
	switch {
	case f.Sequence == 0: // the panel starts afresh; what it knew of us is gone
		p.close(NoNotice)
		p.busy = false
	case f.Sequence == p.sequence && same == p.same && p.answered:
		p.stats.Repeats++
		p.out = &p.tx
		return Send
	case f.Sequence == p.sequence && same == p.same:
	case f.Sequence == p.sequence, f.Sequence == p.sequence%3+1:
		// The same number with other bytes is another command: two bits come
		// round soon. Inside the channel its MAC tells whether it is the next.
		p.busy = false
	default:
		p.stats.BadSequence++
		p.tell(BadSequence, f.Sequence)
		return p.refuse(f.Sequence, NakSequence)
	}
	p.cmd, p.asked = Command{Code: f.Code, Data: f.Data, Again: p.busy}, false
	p.sequence, p.same, p.answered, p.inside = f.Sequence, same, false, false
	switch {
	case f.Secured():
		return p.secured(now, f)
	case f.Block != 0:
		return p.handshake(f)
	}
	return p.plain(f)
}

// plain answers a command outside Secure Channel: who are you, what can you do,
// are you there. Nothing else has an answer, and none comes from the
// application.
func (p *PD) plain(f *Frame) Action {
	up := p.secure
	p.close(RefusedPlain)
	if up || f.Code != CmdID && f.Code != CmdCap && f.Code != CmdPoll {
		p.stats.Downgrades++
		p.tell(RefusedPlain, f.Code)
		return p.refuse(f.Sequence, NakConditions)
	}
	p.pending = true
	switch f.Code {
	case CmdID:
		return p.identify()
	case CmdCap:
		return p.capabilities()
	}
	return p.Reply(ReplyAck, nil)
}

// secured answers a command that claims to be inside Secure Channel.
func (p *PD) secured(now uint32, f *Frame) Action {
	switch {
	case f.Block != scs15 && f.Block != scs17:
		return p.refuse(f.Sequence, NakSecurity)
	case !p.secure:
		return p.refuse(f.Sequence, NakConditions)
	case !p.sess.verify(f):
		p.stats.BadMAC++
		p.close(BadMAC)
		p.tell(BadMAC, 0)
		return p.refuse(f.Sequence, NakConditions)
	case f.Block == scs15 && len(f.Data) > 0:
		p.stats.Downgrades++
		p.close(RefusedUnencrypted)
		p.tell(RefusedUnencrypted, f.Code)
		return p.refuse(f.Sequence, NakConditions)
	}
	p.heardAt, p.online = now, true
	p.reached = p.reached || p.unproven
	p.unproven = false
	p.cmd.Data = f.Data
	p.pending, p.inside = true, true
	a := p.dispatch() // answers some itself, and then asked is false
	if p.asked = a == Handle; p.asked {
		p.cmd.Confirmed, p.reached = p.reached, false
	}
	return a
}

// dispatch answers what the state machine itself must, and hands the rest on.
func (p *PD) dispatch() Action {
	d := p.cmd.Data
	switch p.cmd.Code {
	case CmdID:
		return p.identify()
	case CmdCap:
		return p.capabilities()
	case CmdACURxSize:
		if len(d) != 2 {
			return p.Nak(NakLength)
		}
		p.limit = min(max(int(d[0])|int(d[1])<<8, minLimit), MaxFrame)
		return p.Reply(ReplyAck, nil)
	case CmdKeySet:
		key, ok := keySet(d)
		if !ok {
			return p.Nak(NakRecord)
		}
		if !usable(&key) {
			p.stats.Downgrades++
			p.tell(RefusedKey, 0)
			return p.Nak(NakRecord)
		}
	case CmdComSet:
		var c Comm
		if !c.Take(d) {
			return p.Nak(NakLength)
		}
		if c.Address >= ConfigAddress {
			return p.Nak(NakRecord)
		}
	case CmdChlng, CmdSCrypt:
		return p.Nak(NakConditions)
	case CmdMfg:
		if _, ok := VendorKind(d); ok {
			p.ours = true
		}
	}
	return Handle
}

// minLimit is the least that a panel can be believed to take: a refusal inside
// the channel must fit.
const minLimit = 32

// Reply answers the Command and returns Send, or Wait when there is no command
// to answer. With [Deferred] the panel will repeat the command and Handle comes
// again. Data that do not fit what the panel can take become NAK 9.
//
// An ACK of KEYSET puts the new key in force from the next channel on, so store
// it first. A COM in answer to COMSET moves the device to the address that it
// names; to change the speed is the caller's part, once Out has left the wire.
func (p *PD) Reply(code byte, data []byte) Action {
	if !p.pending {
		return Wait
	}
	p.pending = false
	if code == Deferred {
		p.busy = true
		p.aside()
		p.side.plain(p.to|replyBit, 0, ReplyBusy, nil)
		return Send
	}
	if len(data) > MaxData || p.inside && sealedSize(len(data), p.rx.frame.CRC) > p.limit {
		code = ReplyNak
		p.scratch[0] = byte(NakRecord)
		data = p.scratch[:1]
	}
	p.busy, p.answered, p.out = false, true, &p.tx
	p.tx.mode(p.rx.marked(), p.rx.frame.CRC)
	if !p.inside {
		p.tx.plain(p.to|replyBit, p.sequence, code, data)
		return Send
	}
	p.unproven = p.asked
	p.sess.seal(&p.tx, true, p.to|replyBit, p.sequence, code, data)
	p.settle(code, data)
	return Send
}

// settle makes what the reply promised true.
func (p *PD) settle(code byte, data []byte) {
	switch {
	case p.cmd.Code == CmdKeySet && code == ReplyAck:
		p.key, _ = keySet(p.cmd.Data)
		p.tell(KeyChanged, 0)
	case p.cmd.Code == CmdComSet && code == ReplyCom:
		var c Comm
		if c.Take(data) && c.Address < ConfigAddress && c.Address != p.address {
			p.address = c.Address
			p.tell(AddressChanged, c.Address)
		}
	}
}

// Nak answers the Command with a refusal.
func (p *PD) Nak(why Nak) Action {
	p.scratch[0] = byte(why)
	return p.Reply(ReplyNak, p.scratch[:1])
}

// refuse answers outside Secure Channel, and leaves the reply that is kept for a
// repeat alone.
func (p *PD) refuse(sequence byte, why Nak) Action {
	p.pending = false
	p.aside()
	p.scratch[0] = byte(why)
	p.side.plain(p.to|replyBit, sequence, ReplyNak, p.scratch[:1])
	return Send
}

func (p *PD) aside() {
	p.out = &p.side
	p.side.mode(p.rx.marked(), p.rx.frame.CRC)
}

func (p *PD) identify() Action {
	if len(p.cmd.Data) > 1 {
		return p.Nak(NakLength)
	}
	return p.Reply(ReplyPDID, p.scratch[:p.cfg.ID.Put(p.scratch[:])])
}

func (p *PD) capabilities() Action {
	if len(p.cmd.Data) > 1 {
		return p.Nak(NakLength)
	}
	n := 0
	for i := range p.cfg.CapsLen {
		c := p.cfg.Caps[i]
		p.scratch[n], p.scratch[n+1], p.scratch[n+2] = c.Function, c.Level, c.Items
		n += 3
	}
	return p.Reply(ReplyPDCap, p.scratch[:n])
}

// fingerprint tells one packet from another: FNV-1a, 32 bits. It protects from
// nothing; what it takes for a repeat gets the same reply again.
func fingerprint(p []byte) uint32 {
	h := uint32(2166136261)
	for _, b := range p {
		h = (h ^ uint32(b)) * 16777619
	}
	return h
}
