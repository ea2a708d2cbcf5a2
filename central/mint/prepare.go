package mint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/con-ting/conting/central/mint/chain"
	"github.com/con-ting/conting/central/mint/token"
	"github.com/con-ting/conting/sync/ticket"
)

const (
	atOnce       = 128              // actions that are signed, stored and sent together
	signingMost  = 4                // of these, at the same time
	refusals     = 3                // simulations that refuse an action before it has failed
	holdKeys     = time.Minute      // for a person to put the right keys in place
	holdWait     = 15 * time.Second // what was built on cannot be seen yet
	sendPatience = 5 * time.Second
)

// job is an action that is being prepared.
type job struct {
	action  Action
	subject subject
	ask     token.Ask
	reading reading
	plan    token.Plan
	signers []chain.Signer // beside the payer and the authority
	floor   uint64         // the slot that accounts must not be older than
	held    bool           // its simulation was refused
	wallet  string         // that the token was minted into, if it was
}

// prepare takes wanted actions as far as it can: what is on chain is looked at, what is
// still to do is planned, signed, stored, and only then sent.
func (s *shift) prepare(ctx context.Context, wanted []Action) error {
	if len(wanted) == 0 {
		return nil
	}
	var jobs []*job
	err := together(
		func() (err error) { jobs, err = s.jobs(ctx, wanted); return err },
		func() error { return s.count(ctx) },
	)
	if err != nil {
		return err
	}
	var g errgroup.Group
	g.SetLimit(signingMost)
	for part := range slices.Chunk(jobs, atOnce) {
		g.Go(func() error {
			ready, err := s.sign(ctx, part)
			if err != nil {
				return err
			}
			return s.send(ctx, ready)
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	s.alarm(ctx)
	return nil
}

// jobs finds out what actions are about, and drops those that nobody wants any more.
func (s *shift) jobs(ctx context.Context, wanted []Action) ([]*job, error) {
	subjects, err := s.subjects(ctx, wanted)
	if err != nil {
		return nil, err
	}
	var jobs []*job
	var changed []Action
	for _, a := range wanted {
		j := &job{action: a, subject: subjects[a.Ticket]}
		if a.Kind == Group {
			if j.subject.event, err = s.cfg.Events.Event(ctx, a.Event); err != nil {
				s.trouble(ctx, troubleOf(err), fmt.Errorf("read event: %w", err))
				changed = append(changed, s.hold(a, holdKeys))
				continue
			}
		}
		switch kept := &j.subject.fact.Token; {
		case a.Ticket.IsZero():
			jobs = append(jobs, j)
		case kept.Ticket.IsZero(): // its event cannot be read; nothing deletes tickets
			changed = append(changed, s.hold(a, holdKeys))
		case kept.Address != s.Address(a.Ticket):
			s.trouble(ctx, troubleOf(errKeys), errKeys)
			changed = append(changed, s.hold(a, holdKeys))
		case a.Attempt == 0 && !stillWanted(&a, kept):
			a.State = Dropped
			changed = append(changed, a)
		case a.Attempt == 0 && a.Kind == Move:
			often, err := s.often(ctx, a.Ticket)
			if err != nil {
				return nil, err
			}
			if !often {
				jobs = append(jobs, j)
				continue
			}
			a.Reason = TooOften
			changed = append(changed, s.hold(a, oftenLook))
		default:
			jobs = append(jobs, j)
		}
	}
	_, err = s.save(ctx, changed)
	return jobs, err
}

// stillWanted reports whether an action that was never signed is what its token needs.
func stillWanted(a *Action, t *Token) bool {
	if a.Kind == Send {
		return t.Is == Free && t.Want == Free && t.Owner == a.From
	}
	n, ok := next(t)
	return ok && same(a, &n)
}

// subjects reads what actions are about; those whose event cannot be read are left out.
func (s *shift) subjects(ctx context.Context, actions []Action) (map[ticket.ID]subject, error) {
	var ids []ticket.ID
	for i := range actions {
		if !actions[i].Ticket.IsZero() {
			ids = append(ids, actions[i].Ticket)
		}
	}
	out := make(map[ticket.ID]subject, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	facts, err := s.cfg.Store.Facts(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("read tickets: %w", err)
	}
	events := make(map[ticket.EventID]*ticket.Event) // nil where it cannot be read
	for _, f := range facts {
		e, ok := events[f.Ticket.Event]
		if !ok {
			got, err := s.cfg.Events.Event(ctx, f.Ticket.Event)
			if e = &got; err != nil {
				e = nil
				s.trouble(ctx, troubleOf(err), fmt.Errorf("read event: %w", err))
			}
			events[f.Ticket.Event] = e
		}
		if e != nil {
			out[f.Ticket.ID] = subject{fact: f, event: *e}
		}
	}
	return out, nil
}

// sign looks at what is on chain for some jobs, and signs and stores what is still to
// do. It returns the actions that are to be sent.
func (s *shift) sign(ctx context.Context, jobs []*job) ([]Action, error) {
	var hash chain.Blockhash
	err := together(
		func() error { return s.look(ctx, jobs) },
		func() (err error) {
			if hash, err = s.cfg.Chain.Blockhash(ctx, chain.Confirmed); err != nil {
				return fmt.Errorf("block hash: %w", err)
			}
			return nil
		},
	)
	if err != nil {
		return nil, err
	}
	if err := s.at(ctx, "planned"); err != nil {
		return nil, err
	}
	var g errgroup.Group
	g.SetLimit(s.cfg.Parallel)
	var todo []*job
	for _, j := range jobs {
		if j.action.State == Wanted && j.plan.Outcome == token.Do {
			todo = append(todo, j)
		}
	}
	if err := s.bid(ctx, todo); err != nil {
		return nil, err
	}
	if err := s.learn(ctx, todo, hash); err != nil {
		return nil, err
	}
	for _, j := range todo {
		g.Go(func() error {
			units, ok, err := s.measure(ctx, j, hash)
			if err != nil || !ok || !s.afford(j, units) {
				return err
			}
			return s.signOne(ctx, j, units, hash)
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if err := s.at(ctx, "signed"); err != nil {
		return nil, err
	}
	changed := make([]Action, 0, len(jobs))
	for _, j := range jobs {
		changed = append(changed, j.action)
	}
	saved, err := s.save(ctx, changed)
	if err != nil {
		return nil, err
	}
	ready := saved[:0]
	for _, a := range saved {
		if a.State == Prepared {
			ready = append(ready, a)
		}
	}
	return ready, s.at(ctx, "prepared")
}

// signOne signs a job's transaction.
func (s *shift) signOne(ctx context.Context, j *job, units uint32, hash chain.Blockhash) error {
	d := chain.Draft{Instructions: j.plan.Instructions, Payer: s.roles.Payer, Units: units, Price: s.price.get()}
	signed, err := d.Sign(ctx, hash, append([]chain.Signer{s.cfg.Payer, s.cfg.Authority}, j.signers...)...)
	a := &j.action
	switch {
	case errors.Is(err, chain.ErrTooLarge):
		fail(a, TooLarge)
		return nil
	case errors.Is(err, chain.ErrSigner) && len(j.signers) > 0:
		*a = s.hold(*a, s.again(a.Attempt+1))
		a.Reason = NoWallet
		return nil
	case errors.Is(err, chain.ErrRejected): // this one alone, whatever is wrong with it
		s.trouble(ctx, troubleOf(err), fmt.Errorf("action %d: sign: %w", a.ID, err))
		*a = s.hold(*a, s.again(oftenLost))
		return nil
	case err != nil:
		return fmt.Errorf("sign: %w", err)
	}
	a.State, a.Reason, a.Attempt = Prepared, NoReason, a.Attempt+1
	a.Signature, a.LastHeight, a.Wire = signed.Signature.String(), signed.LastHeight, signed.Wire
	a.Fee, a.Rent = a.Fee+signed.Fee, j.plan.Rent
	a.Due = s.cfg.Now().Add(s.firstLook())
	return nil
}

// firstLook is how long after it was sent a transaction may be confirmed.
func (s *shift) firstLook() time.Duration { return max(s.cfg.Look, s.pace.slots(2)) }

// send hands transactions to nodes, each as it was stored, without waiting for it but
// for others to be sent. What no node takes is tried again later: it may have arrived
// none the less.
func (s *shift) send(ctx context.Context, actions []Action) error {
	if len(actions) == 0 {
		return nil
	}
	select {
	case s.sending <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	s.lock.Lock()
	s.take(actions)
	s.lock.Unlock()
	s.all.Go(func() {
		err := s.deliver(ctx, actions)
		<-s.sending
		if err != nil {
			s.end(ctx, &s.wanted, err)
		}
		s.lock.Lock()
		s.give(actions)
		s.lock.Unlock()
		s.notify()
	})
	return nil
}

// deliver sends transactions and notes which of them a node has taken.
func (s *shift) deliver(ctx context.Context, actions []Action) error {
	taken, err := s.broadcast(ctx, actions)
	if err := s.at(ctx, "sent"); err != nil {
		return err
	}
	got := make(map[int64]bool, len(taken))
	for i := range taken {
		got[taken[i].ID] = true
	}
	for i := range actions {
		a := &actions[i]
		if got[a.ID] {
			a.State = Sent
		}
		a.Due = s.cfg.Now().Add(max(s.firstLook(), s.pace.slots(resendEvery)))
	}
	if _, err := s.save(ctx, actions); err != nil {
		return err
	}
	return errors.Join(err, s.at(ctx, "noted"))
}

// broadcast returns those actions whose transaction a node has taken. The error is why
// no node takes any.
func (s *shift) broadcast(ctx context.Context, actions []Action) ([]Action, error) {
	var (
		g     errgroup.Group
		mu    sync.Mutex // guards taken and last
		taken []Action
		last  error
		tired atomic.Bool // no node answers: what is left would only wait for that, too
	)
	g.SetLimit(s.cfg.Parallel)
	for _, a := range actions {
		if tired.Load() {
			break
		}
		g.Go(func() error {
			if err := s.at(ctx, "send"); err != nil {
				return err
			}
			within, cancel := context.WithTimeout(ctx, sendPatience)
			defer cancel()
			// A node that ran it first would find out what was found out already.
			err := s.cfg.Chain.Send(within, a.Wire, false, 0)
			mu.Lock()
			defer mu.Unlock()
			if err == nil || errors.Is(err, chain.ErrProcessed) {
				taken = append(taken, a)
				return nil
			}
			if errors.Is(err, chain.ErrRejected) { // which says nothing of others
				s.trouble(ctx, troubleOf(err), fmt.Errorf("action %d: send: %w", a.ID, err))
				return nil
			}
			last = err
			tired.Store(true)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return taken, err
	}
	if last != nil {
		return taken, fmt.Errorf("send: %w", last)
	}
	return taken, nil
}

// hold puts an action off.
func (s *shift) hold(a Action, d time.Duration) Action {
	a.Due = s.cfg.Now().Add(d)
	return a
}

// again is how long to wait after a number of attempts.
func (s *shift) again(attempts int) time.Duration {
	wait := s.cfg.Poll
	for range min(attempts, 20) - 1 {
		if wait = 2 * wait; wait > againMost {
			return againMost
		}
	}
	return wait
}

// aWhile is how long to wait for what cannot be seen yet.
func (s *shift) aWhile() time.Duration { return min(s.again(3), holdWait) }

const againMost = 10 * time.Minute

// fail ends an action that was never signed, or whose last transaction cannot get into
// a block any more.
func fail(a *Action, r Reason) { a.State, a.Reason, a.Wire = Failed, r, nil }

// conflict logs what is in the way.
func (s *shift) conflict(ctx context.Context, a *Action, why token.Why) {
	s.cfg.Logger.ErrorContext(ctx, "the chain holds something else than it may; nothing is done about it",
		slog.Int64("action", a.ID), slog.String("kind", string(a.Kind)), slog.String("address", s.Address(a.Ticket)), slog.String("why", string(why)))
}
