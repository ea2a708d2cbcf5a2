package mint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gagliardetto/solana-go"

	"github.com/con-ting/conting/central/mint/chain"
)

const (
	unitsMost  = 1_400_000 // of a transaction
	perBump    = 1_500     // compute units of each further try for an address off the curve
	unitsSlack = 300       // beyond a tenth
	oftenLost  = 3         // attempts

	priceEvery      = 10 * time.Second
	pricePercentile = 75
)

// units keeps how many compute units transactions of a shape take.
type units struct {
	mu      sync.Mutex        // guards those below
	base    map[string]uint64 // without the tries for addresses
	refused map[int64]int     // simulations that refused an action
}

// of returns what is known of a shape.
func (u *units) of(shape string) (base uint64, known bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	base, known = u.base[shape]
	return base, known
}

// keep keeps what a shape takes, and that an action of it was not refused.
func (u *units) keep(shape string, base uint64, id int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.base) >= shapesMost {
		clear(u.base)
	}
	u.base[shape] = base
	delete(u.refused, id)
}

// refuse counts how often an action was refused.
func (u *units) refuse(id int64) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.refused) >= shapesMost {
		clear(u.refused)
	}
	if u.refused[id]++; u.refused[id] < refusals {
		return u.refused[id]
	}
	delete(u.refused, id)
	return refusals
}

// shapesMost bounds what is kept.
const shapesMost = 1000

// shape is what transactions have in common that take about the same: programs and
// lengths.
func shape(a *Action, instructions []solana.Instruction) string {
	var b strings.Builder
	b.WriteString(string(a.Kind))
	n := 0
	for _, i := range instructions {
		data, err := i.Data()
		if err != nil {
			return "" // signing will say so
		}
		n += len(data)
		fmt.Fprintf(&b, " %d", len(i.Accounts()))
	}
	b.WriteString("/" + strconv.Itoa(n/32))
	return b.String()
}

// tries counts how often token accounts' programs look for an address in vain: that
// differs from account to account, and takes units.
func tries(instructions []solana.Instruction) (n uint64) {
	for _, i := range instructions {
		if i.ProgramID() != solana.SPLAssociatedTokenAccountProgramID || len(i.Accounts()) < 4 {
			continue
		}
		of := i.Accounts()
		_, bump, err := solana.FindAssociatedTokenAddressWithProgram(of[2].PublicKey, of[3].PublicKey, solana.Token2022ProgramID)
		if err == nil {
			n += uint64(255 - bump)
		}
	}
	return n
}

// learn simulates a job of each shape that is not known yet.
func (s *shift) learn(ctx context.Context, jobs []*job, hash chain.Blockhash) error {
	for _, j := range jobs {
		if _, known := s.units.of(shape(&j.action, j.plan.Instructions)); !known {
			if err := s.simulate(ctx, j, hash); err != nil {
				return err
			}
		}
	}
	return nil
}

// measure returns how many compute units to ask for, or false if the transaction would
// be refused: then the action is held, or has failed. A shape is simulated once, and an
// action on its own that has failed on chain, or was lost often.
func (s *shift) measure(ctx context.Context, j *job, hash chain.Blockhash) (uint32, bool, error) {
	key := shape(&j.action, j.plan.Instructions)
	base, known := s.units.of(key)
	if !known || j.action.Reason == Refused || j.action.Attempt >= oftenLost {
		if j.action.State != Wanted || j.held {
			return 0, false, nil
		}
		if err := s.simulate(ctx, j, hash); err != nil {
			return 0, false, err
		}
		base, known = s.units.of(key)
	}
	most := min((base+tries(j.plan.Instructions)*perBump)*11/10+unitsSlack, unitsMost)
	return uint32(most), known && j.action.State == Wanted && !j.held, nil // #nosec G115 -- bounded
}

// simulate finds out what a job's transaction takes. One that would be refused is held,
// or has failed.
func (s *shift) simulate(ctx context.Context, j *job, hash chain.Blockhash) error {
	a := &j.action
	d := chain.Draft{Instructions: j.plan.Instructions, Payer: s.roles.Payer, Units: unitsMost, Price: s.price.get()}
	wire, err := d.Unsigned(hash.Hash) // what is signed may be sent by whoever sees it
	switch {
	case errors.Is(err, chain.ErrTooLarge):
		fail(a, TooLarge)
		return nil
	case err != nil:
		return fmt.Errorf("simulate: %w", err)
	}
	seen, err := s.cfg.Chain.Simulate(ctx, wire, chain.Confirmed, j.reading.slot)
	if errors.Is(err, chain.ErrRejected) { // by its node, not by a program: others may fare better
		s.trouble(ctx, troubleOf(err), fmt.Errorf("action %d: simulate: %w", a.ID, err))
		j.held, *a = true, s.hold(*a, s.again(oftenLost))
		return nil
	}
	if err != nil {
		return fmt.Errorf("simulate: %w", err)
	}
	if refused := seen.Err; refused != nil {
		s.refuse(ctx, j, refused)
		return nil
	}
	search := tries(j.plan.Instructions) * perBump
	s.units.keep(shape(a, j.plan.Instructions), max(seen.Units, search)-search, a.ID)
	return nil
}

// refuse deals with an action that a simulation has refused.
func (s *shift) refuse(ctx context.Context, j *job, err error) {
	a := &j.action
	j.held = true
	if errors.Is(err, chain.ErrNoFunds) {
		*a = s.hold(*a, s.cfg.Poll)
		a.Reason = NoFunds
		return
	}
	n := s.units.refuse(a.ID)
	attrs := []slog.Attr{slog.Int64("action", a.ID), slog.String("kind", string(a.Kind)), slog.Int("times", n), slog.Any("error", err)}
	s.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "a transaction would be refused", attrs...)
	if n >= refusals {
		fail(a, Refused)
		return
	}
	*a = s.hold(*a, s.again(n))
}

// price is what a place in a block costs.
type price struct {
	mu  sync.Mutex // guards those below
	now uint64     // micro-lamports a unit
	at  time.Time
}

func (p *price) get() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

// bid asks what others pay, now and then.
func (s *shift) bid(ctx context.Context, jobs []*job) error {
	now := s.cfg.Now()
	s.price.mu.Lock()
	defer s.price.mu.Unlock()
	if s.cfg.MaxPrice == 0 || len(jobs) == 0 || !s.price.at.IsZero() && now.Sub(s.price.at) < priceEvery {
		return nil
	}
	d := chain.Draft{Instructions: jobs[0].plan.Instructions, Payer: s.roles.Payer}
	p, err := s.cfg.Chain.PriorityFee(ctx, d.Writes(), pricePercentile, s.cfg.MaxPrice)
	if err != nil {
		return fmt.Errorf("priority fee: %w", err)
	}
	s.price.now, s.price.at = min(p, s.cfg.MaxPrice), now
	return nil
}
