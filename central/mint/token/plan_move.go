package token

// memoText satisfies an owner who takes transfers only after a memo.
const memoText = "conting:transfer"

// move plans a held token's way to another wallet. The permanent delegate can no more act
// on a frozen account than its owner, so that both are thawed first. What the old holder
// is left with is empty and frozen: they can close it, and keep its rent, but nothing
// else. With their key it is closed here and the rent comes back.
func (d *draft) move(s *scene) Plan {
	switch s.form {
	case None:
		return stop(Wait, NoMint)
	case Burned:
		return stop(Tombstone, AlreadyBurnt)
	case Free:
		if s.ask.Form == Free && s.to.holds() {
			return d.as(s, &s.to)
		}
		return stop(Conflict, AlreadyFree)
	case Held:
	}
	if s.to.holds() {
		return d.as(s, &s.to)
	}
	if !s.from.holds() {
		return stop(Conflict, Elsewhere)
	}
	mint, free := s.ask.Mint, s.ask.Form == Free
	d.open(&s.to, mint)
	if s.from.frozen() {
		d.add(d.roles.thaw(s.from.at, mint))
	}
	if !s.to.there || s.to.frozen() {
		d.add(d.roles.thaw(s.to.at, mint))
	}
	d.transfer(s, d.roles.Authority)
	if s.ask.FromSigns {
		d.shut(&s.from)
	} else if !free {
		d.add(d.roles.freeze(s.from.at, mint))
	}
	if free {
		d.unlock(mint)
	} else {
		d.add(d.roles.freeze(s.to.at, mint))
	}
	return d.settle()
}

// send plans a free token's way to another wallet, as its holder wants it.
func (d *draft) send(s *scene) Plan {
	switch {
	case s.form == None:
		return stop(Wait, NoMint)
	case s.form == Burned:
		return stop(Tombstone, AlreadyBurnt)
	case s.form == Held:
		return stop(Wait, StillHeld)
	case s.to.holds():
		return Plan{Outcome: Done}
	case !s.from.holds():
		return stop(Conflict, Elsewhere)
	}
	d.open(&s.to, s.ask.Mint)
	if s.from.frozen() {
		d.add(d.roles.thaw(s.from.at, s.ask.Mint))
	}
	if s.to.frozen() {
		d.add(d.roles.thaw(s.to.at, s.ask.Mint))
	}
	d.transfer(s, s.from.wallet)
	d.shut(&s.from)
	return d.settle()
}

// transfer moves the token, which who signs for.
func (d *draft) transfer(s *scene, who Key) {
	if s.to.there && s.to.state.MemoNeeded {
		d.add(memo(memoText))
	}
	d.add(transfer(s.from.at, s.ask.Mint, s.to.at, who))
}

// shut closes p's account, which p signs for, unless p has let somebody else close it.
func (d *draft) shut(p *party) {
	if c := p.state.Closer; c != (Key{}) && c != p.wallet {
		return
	}
	d.add(d.roles.shut(p.at, p.wallet))
	d.regain(p.lamports)
}
