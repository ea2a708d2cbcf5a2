package token

import t22 "github.com/gagliardetto/solana-go/programs/token-2022"

// release plans a held token's freedom. Of one that is free already it thaws From's
// account, which may have been opened while accounts were born frozen.
func (d *draft) release(s *scene) Plan {
	switch s.form {
	case None:
		return stop(Wait, NoMint)
	case Burned:
		return stop(Tombstone, AlreadyBurnt)
	case Held:
		if !s.from.holds() {
			return stop(Conflict, Elsewhere)
		}
	case Free:
	}
	d.free(s, &s.from)
	return d.settle()
}

// free gives the token, which is in p's account, or is free already, to its holder.
func (d *draft) free(s *scene, p *party) {
	if p.frozen() {
		d.add(d.roles.thaw(p.at, s.ask.Mint))
	}
	if s.form == Held {
		d.unlock(s.ask.Mint)
	}
}

// unlock lets accounts be born open, and gives up moving and burning what is in them.
func (d *draft) unlock(mint Key) {
	d.add(d.roles.setBornOpen(mint), d.roles.giveUp(t22.AuthorityPermanentDelegate, mint))
}

// burn plans a token's end. A held one is burned by the permanent delegate; a free one
// only with its holder's key. The mint stays: see the package comment.
func (d *draft) burn(s *scene) Plan {
	who := d.roles.Authority
	switch s.form {
	case None:
		return stop(Wait, NoMint)
	case Burned:
		return Plan{Outcome: Done}
	case Free:
		if !s.ask.FromSigns {
			return stop(Conflict, AlreadyFree)
		}
		who = s.from.wallet
	case Held:
	}
	if !s.from.holds() {
		return stop(Conflict, Elsewhere)
	}
	if s.from.frozen() {
		d.add(d.roles.thaw(s.from.at, s.ask.Mint))
	}
	d.add(burn(s.from.at, s.ask.Mint, who))
	if s.ask.FromSigns {
		d.shut(&s.from)
	}
	return d.settle()
}
