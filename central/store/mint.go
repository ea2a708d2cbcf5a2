package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
)

// Mint returns the store as mint wants it.
func (s *Store) Mint() *Mint { return &Mint{s} }

// Mint keeps what tickets' tokens shall be and are, and what is done about it.
type Mint struct{ s *Store }

var _ mint.Store = (*Mint)(nil)

const tokenColumns = `ticket, event, account, address, claimed, want, want_owner, form, owner, stuck, changed`

func scanToken(r scanner) (k mint.Token, err error) {
	var (
		id      []byte
		changed int64
	)
	err = r.Scan(&id, &k.Event, &k.Account, &k.Address, &k.Claimed, &k.Want, &k.WantOwner, &k.Is, &k.Owner, &k.Stuck, &changed)
	copy(k.Ticket[:], id)
	k.Changed = time.UnixMilli(changed)
	return k, err
}

const (
	selectToken   = `SELECT ` + tokenColumns + ` FROM token WHERE ticket = $1`
	selectTokenAt = `SELECT ` + tokenColumns + ` FROM token WHERE address = $1`
)

// Token implements [mint.Tokens].
func (m *Mint) Token(ctx context.Context, id ticket.ID) (mint.Token, error) {
	return m.token(ctx, selectToken, id[:])
}

// TokenAt implements [mint.Tokens].
func (m *Mint) TokenAt(ctx context.Context, address string) (mint.Token, error) {
	return m.token(ctx, selectTokenAt, address)
}

func (m *Mint) token(ctx context.Context, query string, of any) (k mint.Token, err error) {
	err = m.s.view(ctx, func(t *tx) error {
		k, err = oneToken(ctx, t, query, of)
		return err
	})
	return k, err
}

func oneToken(ctx context.Context, t *tx, query string, args ...any) (mint.Token, error) {
	got, err := rows(ctx, t, scanToken, query, args...)
	if err == nil && len(got) == 0 {
		err = mint.ErrUnknownToken
	}
	if err != nil {
		return mint.Token{}, err
	}
	return got[0], nil
}

const (
	tokensOf    = `SELECT ` + tokenColumns + ` FROM token WHERE account = $1 AND form <> 'burned' ORDER BY ticket`
	allTokensOf = `SELECT ` + tokenColumns + ` FROM token WHERE account = $1 ORDER BY ticket`
	tokensAfter = `SELECT ` + tokenColumns + ` FROM token WHERE ticket > $1 ORDER BY ticket LIMIT $2`

	// The condition is that of the index, word for word.
	isUnsettled     = `(want <> form OR want = 'held' AND want_owner <> owner) AND stuck = '' AND action = 0`
	selectUnsettled = `SELECT ` + tokenColumns + ` FROM token WHERE ` + isUnsettled + ` ORDER BY changed, ticket LIMIT $1`
)

// TokensOf implements [mint.Tokens].
func (m *Mint) TokensOf(ctx context.Context, account string) ([]mint.Token, error) {
	return m.tokens(ctx, tokensOf, account)
}

// TokensOfPerson lists an account's tokens, also those that are burned.
func (m *Mint) TokensOfPerson(ctx context.Context, account string) ([]mint.Token, error) {
	return m.tokens(ctx, allTokensOf, account)
}

// TokensAfter implements [mint.Tokens].
func (m *Mint) TokensAfter(ctx context.Context, after ticket.ID, limit int) ([]mint.Token, error) {
	return m.tokens(ctx, tokensAfter, after[:], limit)
}

// Unsettled implements [mint.Actions].
func (m *Mint) Unsettled(ctx context.Context, limit int) ([]mint.Token, error) {
	return m.tokens(ctx, selectUnsettled, limit)
}

func (m *Mint) tokens(ctx context.Context, query string, args ...any) (out []mint.Token, err error) {
	err = m.s.view(ctx, func(t *tx) error {
		out, err = rows(ctx, t, scanToken, query, args...)
		return err
	})
	return out, err
}

const (
	// Somebody has been in once their admission is consumed, and as long as nobody
	// took it back. One that is still open may yet be turned back, and what was made
	// free stays so.
	selectFacts = `SELECT t.body, t.status, COALESCE(t.owner, ''),
			EXISTS (SELECT 1 FROM admission a WHERE a.event = t.event AND a.ticket = t.id AND a.settled IN ($1, $2))
		FROM ticket t WHERE t.id IN `
	selectTokens = `SELECT ` + tokenColumns + ` FROM token WHERE ticket IN `
)

// Facts implements [mint.Tokens].
func (m *Mint) Facts(ctx context.Context, ids []ticket.ID) (out []mint.Fact, err error) {
	err = m.s.view(ctx, func(t *tx) error {
		out = make([]mint.Fact, 0, len(ids))
		for some := range portions(ids) {
			facts, err := rows(ctx, t, scanFact, selectFacts+places(3, len(some)),
				append([]any{int64(journal.Passed), int64(journal.Flagged)}, idArgs(some)...)...)
			if err != nil {
				return err
			}
			tokens, err := rows(ctx, t, scanToken, selectTokens+places(1, len(some)), idArgs(some)...)
			if err != nil {
				return err
			}
			byID := make(map[ticket.ID]mint.Token, len(tokens))
			for _, k := range tokens {
				byID[k.Ticket] = k
			}
			for i := range facts {
				facts[i].Token = byID[facts[i].Ticket.ID]
			}
			out = append(out, facts...)
		}
		return nil
	})
	return out, err
}

func scanFact(r scanner) (f mint.Fact, err error) {
	var body []byte
	if err := r.Scan(&body, &f.Status, &f.Account, &f.Admitted); err != nil {
		return f, err
	}
	if err := json.Unmarshal(body, &f.Ticket); err != nil {
		return f, fmt.Errorf("decode ticket: %w", err)
	}
	return f, nil
}

// idArgs are tickets as arguments of a statement.
func idArgs(ids []ticket.ID) []any {
	out := make([]any, len(ids))
	for i := range ids {
		out[i] = ids[i][:]
	}
	return out
}

const (
	keepCluster   = `INSERT INTO mint_cluster (id, genesis) VALUES (1, $1) ON CONFLICT (id) DO NOTHING`
	selectCluster = `SELECT genesis FROM mint_cluster WHERE id = 1`
)

// Cluster implements [mint.Actions].
func (m *Mint) Cluster(ctx context.Context, genesis string) (have string, err error) {
	err = m.s.view(ctx, func(t *tx) error {
		return t.row(ctx, selectCluster, nil, &have)
	})
	if !errors.Is(err, sql.ErrNoRows) {
		return have, err
	}
	if genesis == "" {
		return "", errors.New("keep cluster: it has no genesis hash")
	}
	err = m.s.update(ctx, func(t *tx) error {
		if _, err := t.exec(ctx, keepCluster, genesis); err != nil {
			return err
		}
		return t.row(ctx, selectCluster, nil, &have)
	})
	return have, err
}
