package token_test

import (
	"fmt"
	"testing"

	"github.com/gagliardetto/solana-go"

	"github.com/con-ting/conting/central/mint/token"
)

// TestPlansHold plans everything against everything that may be on chain, and holds each
// plan to what must be so whatever there is.
func TestPlansHold(t *testing.T) {
	for what, ask := range asks {
		for atMint := range mints {
			for atAlice := range holdings {
				for atBob := range holdings {
					seen := see(ask, atMint, atAlice, atBob)
					p, err := token.PlanFor(ask, roles, seen, rent)
					if err != nil {
						t.Fatalf("%s; %s; %s; %s: %v", what, atMint, atAlice, atBob, err)
					}
					if wrong := audit(ask, seen, p); wrong != "" {
						t.Errorf("%s; %s; %s; %s: %s\n%s", what, atMint, atAlice, atBob, wrong, show(t, p))
					}
				}
			}
		}
	}
}

// audit says what is wrong with a plan.
func audit(ask token.Ask, seen []token.Account, p token.Plan) string {
	if p.Outcome != token.Do {
		if len(p.Instructions) != 0 || p.Rent != 0 {
			return "instructions, and nothing to do"
		}
		if (p.Why == token.Fine) != (p.Outcome == token.Done) {
			return "no reason, or one too many"
		}
		return ""
	}
	if p.Bytes > token.MaxBytes || len(p.Instructions) == 0 {
		return "too large, or empty"
	}
	for _, k := range p.Signers {
		if k != authority && (k != ask.From || !ask.FromSigns && ask.Kind != token.Send) {
			return "signed by somebody who was not asked"
		}
	}
	frozen := map[token.Key]bool{}
	for _, a := range seen[1:] {
		h, err := token.ReadHolding(a.Data)
		frozen[a.Key] = err != nil || h.Frozen // one that is made is born so
	}
	m, err := token.ReadMint(seen[0].Data)
	born := err != nil && ask.Form == token.Held || err == nil && m.BornFrozen
	for i, ix := range p.Instructions {
		data, _ := ix.Data()
		if ix.ProgramID() != solana.Token2022ProgramID {
			continue
		}
		at := ix.Accounts()[0].PublicKey
		switch data[0] {
		case 7: // MintTo
			if err == nil {
				return "mints what there is"
			}
		case 10: // Freeze
			if frozen[at] {
				return fmt.Sprintf("instruction %d freezes what is frozen", i)
			}
			frozen[at] = true
		case 11: // Thaw
			if !frozen[at] {
				return fmt.Sprintf("instruction %d thaws what is not frozen", i)
			}
			frozen[at] = false
		case 12, 15: // TransferChecked, BurnChecked
			if born && frozen[at] || born && data[0] == 12 && frozen[ix.Accounts()[2].PublicKey] {
				return fmt.Sprintf("instruction %d acts on what is frozen", i)
			}
		}
	}
	return ""
}
