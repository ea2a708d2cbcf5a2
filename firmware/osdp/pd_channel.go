package osdp

// handshake answers CHLNG and SCRYPT.
func (p *PD) handshake(f *Frame) Action {
	up := p.secure
	switch {
	case f.Block == scs11 && f.Code == CmdChlng:
		p.close(NoNotice)
		return p.challenged(f)
	case f.Block == scs13 && f.Code == CmdSCrypt && !up:
		return p.proven(f)
	}
	p.close(RefusedPlain)
	if up {
		p.stats.Downgrades++
		p.tell(RefusedPlain, f.Code)
		return p.refuse(f.Sequence, NakConditions)
	}
	return p.refuse(f.Sequence, NakSecurity)
}

// challenged answers the panel's nonce with ours and the proof of the key.
func (p *PD) challenged(f *Frame) Action {
	switch {
	case len(f.Data) != len(p.panel):
		return p.refuse(f.Sequence, NakLength)
	case f.BlockKey != 1:
		p.stats.Downgrades++
		p.tell(RefusedDefaultKey, 0)
		return p.refuse(f.Sequence, NakConditions)
	case !usable(&p.key):
		return p.refuse(f.Sequence, NakSecurity)
	}
	copy(p.panel[:], f.Data)
	if !p.cfg.Nonce.Fill(&p.device) || p.device == p.panel {
		p.tell(RefusedNonce, 0)
		return p.refuse(f.Sequence, NakConditions)
	}
	p.sess.derive(&p.key, &p.panel)
	p.sess.cryptogram(&p.proof, &p.panel, &p.device)
	d := p.scratch[:32]
	p.cfg.ID.putUID(d)
	copy(d[8:], p.device[:])
	copy(d[16:], p.proof[:])
	p.proving = true
	return p.shake(f, scs12, 1, ReplyCCrypt, d)
}

// proven checks the panel's proof of the key.
func (p *PD) proven(f *Frame) Action {
	if !p.proving || len(f.Data) != len(p.proof) {
		return p.refuse(f.Sequence, NakConditions)
	}
	p.proving = false
	p.sess.cryptogram(&p.proof, &p.device, &p.panel)
	d := p.scratch[:16]
	if !equal(p.proof[:], f.Data) || f.BlockKey != 1 {
		p.sess.wipe()
		p.tell(BadProof, 0)
		for i := range d {
			d[i] = 0
		}
		return p.shake(f, scs14, 0xFF, ReplyRMacI, d)
	}
	p.sess.start(&p.proof)
	copy(d, p.sess.reply[:])
	p.secure = true
	p.stats.Handshakes++
	p.tell(Secured, 0)
	return p.shake(f, scs14, 1, ReplyRMacI, d)
}

func (p *PD) shake(f *Frame, block byte, key int, code byte, data []byte) Action {
	p.answered, p.out = true, &p.tx
	p.tx.mode(p.rx.marked(), f.CRC)
	p.tx.block(p.to|replyBit, f.Sequence, block, key, code, data)
	return Send
}
