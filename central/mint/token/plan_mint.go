package token

import t22 "github.com/gagliardetto/solana-go/programs/token-2022"

// mint plans a token: everything about it in one transaction, after which there is no
// mint authority. A held one's account is born frozen, and nothing can be minted into a
// frozen account: hence it is thawed and frozen again.
func (d *draft) mint(s *scene) Plan {
	ask, spec := &s.ask, &s.ask.Spec
	switch s.form {
	case None:
	case Burned:
		return stop(Tombstone, AlreadyBurnt)
	case Held, Free:
		return d.minted(s)
	}
	if s.to.there {
		return stop(Wait, Absurd)
	}
	if spec.Group != (Key{}) && s.group == nil {
		return stop(Wait, NoGroup)
	}
	held := ask.Form == Held
	space, final := spec.mintSpace(ask.Form)
	d.account(ask.Mint, spec.Seed, s.funded, space, final)
	if held {
		d.add(d.roles.initDelegate(ask.Mint), initBornFrozen(ask.Mint))
	}
	d.add(initPointer(metadataPointer, ask.Mint))
	if spec.Group != (Key{}) {
		d.add(initPointer(groupMemberPointer, ask.Mint))
	}
	d.add(d.roles.initMint(ask.Mint, held))
	d.describe(ask.Mint, spec)
	if spec.Group != (Key{}) {
		d.add(initMember(ask.Mint, d.roles.Authority, spec.Group))
	}
	d.open(&s.to, ask.Mint)
	if held {
		d.add(d.roles.thaw(s.to.at, ask.Mint))
	}
	d.add(d.roles.mintOne(ask.Mint, s.to.at))
	if held {
		d.add(d.roles.freeze(s.to.at, ask.Mint))
	}
	d.add(d.roles.giveUp(t22.AuthorityMintTokens, ask.Mint))
	return d.settle()
}

// minted plans what is left to do for a token that is there.
func (d *draft) minted(s *scene) Plan {
	switch {
	case s.form == Free && s.ask.Form == Held:
		return stop(Conflict, AlreadyFree)
	case !s.to.holds():
		return stop(Conflict, Elsewhere)
	}
	return d.as(s, &s.to)
}

// as gives the token, which is in p's account, the form that is asked for.
func (d *draft) as(s *scene, p *party) Plan {
	if s.ask.Form == Free {
		d.free(s, p)
	} else if !p.frozen() {
		d.add(d.roles.freeze(p.at, s.ask.Mint))
	}
	return d.settle()
}

// account makes the mint's account, whoever has sent lamports there before.
func (d *draft) account(mint Key, seed string, funded, space, final uint64) {
	need := d.rentOf(final)
	if funded == 0 {
		d.add(d.roles.create(mint, seed, need, space))
		d.pay(need)
		return
	}
	if funded < need {
		d.add(d.roles.topUp(mint, need-funded))
		d.pay(need - funded)
	}
	d.add(d.roles.allocate(mint, seed, space))
}

// describe writes a mint's text.
func (d *draft) describe(mint Key, s *Spec) {
	d.add(initMetadata(mint, d.roles.Authority, s))
	for _, p := range s.Extra {
		d.add(setPair(mint, d.roles.Authority, p))
	}
}

// open makes sure of p's account. It is added even where the account is there: its owner
// may close it, being empty, at any time.
func (d *draft) open(p *party, mint Key) {
	d.add(d.roles.open(p.wallet, mint))
	if need := d.rentOf(holdingSize); !p.there && p.lamports < need {
		d.pay(need - p.lamports)
	}
}

func (d *draft) pay(lamports uint64)    { d.rent += int64(lamports) } //nolint:gosec // a rent; all there is is below 2^60
func (d *draft) regain(lamports uint64) { d.rent -= int64(lamports) } //nolint:gosec // what an account holds; likewise

// group plans a collection: a mint that mints nothing, and keeps count of its members.
func (d *draft) group(s *scene) Plan {
	if s.form != None {
		return Plan{Outcome: Done}
	}
	ask, spec := &s.ask, &s.ask.Spec
	space, final := spec.groupSpace()
	d.account(ask.Mint, spec.Seed, s.funded, space, final)
	d.add(
		initPointer(metadataPointer, ask.Mint),
		initPointer(groupPointer, ask.Mint),
		d.roles.initMint(ask.Mint, false),
	)
	d.describe(ask.Mint, spec)
	d.add(
		initGroup(ask.Mint, d.roles.Authority, spec.Max),
		d.roles.giveUp(t22.AuthorityMintTokens, ask.Mint),
	)
	return d.settle()
}
