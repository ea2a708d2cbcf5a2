package chain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"
)

// behindRounds is how often all nodes are asked when none has failed but by being
// behind: one that catches up takes longer than a call should.
const behindRounds = 3

// question is one request, to whichever node.
type question struct {
	method string
	params []any

	// use takes the result. An error of its means that the answer is of no use: it wraps
	// [ErrBehind] or errGarbage.
	use func(n *node, result json.RawMessage) error

	// explain makes an error of what a node says of a transaction; nil for one that is
	// about none.
	explain func(f *fault) error
}

// ask puts a question to nodes until one answers. An error that more asking may change
// is returned when the call's patience, or its context, ends.
func (c *Client) ask(ctx context.Context, q question) error {
	end := c.cfg.Now().Add(c.cfg.Patience)
	if d, ok := ctx.Deadline(); ok && d.Before(end) {
		end = d
	}
	var worst error                          // of all failures, the one that says most
	later := make([]time.Time, len(c.nodes)) // when each wants to hear of this question again
	for round := 1; ; round++ {
		asked := false
		for i, n := range c.nodes {
			now := c.cfg.Now()
			if later[i].After(now) {
				continue
			}
			if !n.take(now, !asked && i == len(c.nodes)-1) {
				worst = graver(worst, n.trouble())
				continue
			}
			if !asked {
				asked, worst = true, nil
			}
			told, err := c.askOne(ctx, n, q)
			if err == nil || final(err) {
				return wrap(q.method, err)
			}
			if ctx.Err() != nil {
				return wrap(q.method, context.Cause(ctx))
			}
			later[i] = c.cfg.Now().Add(told)
			worst = graver(worst, err)
		}
		if soft(worst) && round >= behindRounds || errors.Is(worst, ErrExpired) {
			return wrap(q.method, outward(worst))
		}
		wait := c.soonest(later)
		if wait <= 0 {
			wait = jitter(backoff(round))
		}
		if c.cfg.Now().Add(wait).After(end) {
			return wrap(q.method, outward(worst))
		}
		if err := sleep(ctx, wait); err != nil {
			return wrap(q.method, err)
		}
	}
}

// soonest returns how long it is until the first node may be asked again; not more than
// zero if that is now.
func (c *Client) soonest(later []time.Time) time.Duration {
	now := c.cfg.Now()
	soonest := time.Duration(math.MaxInt64)
	for i, n := range c.nodes {
		soonest = min(soonest, max(n.resting(now), later[i].Sub(now)))
	}
	return soonest
}

// askOne puts a question to one node, and says what the node told to wait.
func (c *Client) askOne(ctx context.Context, n *node, q question) (time.Duration, error) {
	began := c.cfg.Now()
	told, err := c.verified(ctx, n)
	if err == nil {
		told, err = c.request(ctx, n, q)
	}
	if ctx.Err() != nil {
		n.abandon()
		return 0, err
	}
	failure := err
	if final(err) {
		failure = nil // the node is well: it gave its answer
	}
	if n.done(began, c.cfg.Now(), failure, told) {
		c.turned(ctx, n, failure)
	}
	return told, err
}

// turned logs that a node fell ill or is well again.
func (c *Client) turned(ctx context.Context, n *node, err error) {
	if err == nil {
		c.cfg.Log.InfoContext(ctx, "node answers again", slog.String("node", n.name))
		return
	}
	c.cfg.Log.WarnContext(ctx, "node is rested", slog.String("node", n.name), slog.String("problem", code(err)), slog.Any("error", err))
}

// verified asks a node for its cluster, if that has not been done lately.
func (c *Client) verified(ctx context.Context, n *node) (time.Duration, error) {
	if n.known(c.cfg.Now()) {
		return 0, nil
	}
	select { // one asks, the others wait for it
	case n.verifying <- struct{}{}:
		defer func() { <-n.verifying }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	if n.known(c.cfg.Now()) {
		return 0, nil
	}
	return c.request(ctx, n, question{
		method: "getGenesisHash",
		use: func(n *node, result json.RawMessage) error {
			genesis, err := hashOf(result)
			if err != nil {
				return err
			}
			if !c.agree(genesis) {
				return ErrGenesis
			}
			n.verify(c.cfg.Now())
			return nil
		},
	})
}

// final reports whether an error would be the same from another node, or later.
func final(err error) bool {
	var program *ProgramError
	return errors.As(err, &program) || errors.Is(err, ErrRejected) || errors.Is(err, ErrProcessed) || errors.Is(err, ErrNoFunds)
}

// soft reports whether an error says that the nodes work, and that asking again soon
// is of little use.
func soft(err error) bool {
	return errors.Is(err, ErrBehind) || errors.Is(err, errElsewhere)
}

// graver returns the one of two errors that a caller should hear of: one of a node that
// works says more than one of a node that does not.
func graver(a, b error) error {
	rank := func(err error) int {
		switch {
		case err == nil:
			return 0
		case errors.Is(err, ErrExpired):
			return 6
		case errors.Is(err, ErrBehind):
			return 5
		case errors.Is(err, ErrBusy):
			return 4
		case errors.Is(err, ErrGenesis):
			return 3
		case errors.Is(err, errElsewhere):
			return 2
		}
		return 1
	}
	if rank(b) > rank(a) {
		return b
	}
	return a
}

// outward returns an error that wraps one of the package's.
func outward(err error) error {
	for _, known := range []error{ErrBusy, ErrBehind, ErrExpired, ErrGenesis, ErrUnavailable} {
		if errors.Is(err, known) {
			return err
		}
	}
	if err == nil {
		return ErrUnavailable
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

func wrap(method string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", method, err)
}

// sleep waits.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
