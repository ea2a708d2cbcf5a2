package mint

import (
	"context"
	"fmt"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// What the worker can be made to spend.
//
// An action is signed at most [Config].Attempts times, and what fails on chain is
// simulated on its own before it is signed anew; three refusals end it. A token is
// minted, made free and burned once, and sent away once. Only moves have no end of
// their own: whoever gives a ticket to and fro, or links a wallet and unlinks it, pays
// nothing for it, while each move costs the payer a fee and, in a wallet that is not
// kept here, the rent of an account whose emptied shell its owner may close and keep.
// Hence a token is moved at most movesMost times in movesWithin; a further move waits,
// and where the token is back by then, it is not needed.
//
// What is left, tokens of tickets that are really sold, is bounded by the sale, and by
// what is in the payer's purse.
const (
	movesMost   = 6
	movesWithin = 24 * time.Hour
	oftenLook   = time.Minute // so soon it is seen that a move is not wanted any more
)

// historyMost is how much of what was done about a token is looked at.
const historyMost = 500

// often reports whether a token was moved, or was to be, too often to be moved now.
func (s *shift) often(ctx context.Context, id ticket.ID) (bool, error) {
	history, err := s.cfg.Store.History(ctx, id, historyMost)
	if err != nil {
		return false, fmt.Errorf("read history: %w", err)
	}
	since := s.cfg.Now().Add(-movesWithin)
	moves := 0
	for i := range history {
		if h := &history[i]; h.Kind == Move && h.Attempt > 0 && h.Created.After(since) {
			moves++
		}
	}
	return moves >= movesMost || len(history) == historyMost && history[historyMost-1].Created.After(since), nil
}
