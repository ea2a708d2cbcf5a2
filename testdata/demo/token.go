package main

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/localnet"
	"github.com/con-ting/conting/testdata/stage"
)

const (
	slots     = 100 * time.Millisecond // of the chain; real ones take 400
	payerHas  = 1_000_000_000          // lamports, a SOL
	tokenWait = 2 * time.Minute
)

// coins are the tokens of the story and the chain that they are on.
type coins struct {
	net   *localnet.Net
	chain stage.Chain
	payer string
	owner map[ticket.ID]string // that the chain named last
}

func (c *coins) close() {
	if c != nil {
		c.net.Close()
	}
}

// openChain starts a chain and has central mint on it. Where this machine has none, the
// story goes on without tokens, unless it must not.
func (s *story) openChain(ctx context.Context, auto bool) error {
	began := time.Now()
	net, err := localnet.Start(ctx, localnet.Options{Slot: slots})
	must := auto && runtime.GOOS == "linux" && runtime.GOARCH == "amd64"
	if errors.Is(err, localnet.ErrMissing) && !must {
		_, _ = fmt.Fprintf(s.out, "\n*** NO TOKENS: this machine has no chain to mint on: %v.\n*** The story goes on without them.\n\n", err)
		return nil
	}
	if err != nil {
		return err
	}
	s.coins = &coins{net: net, chain: stage.Chain{URL: net.URL}, owner: make(map[ticket.ID]string)}
	lines := fmt.Sprintf("rpc = [%q, %q]\n", net.URL, net.Second.URL)
	s.coins.payer, err = s.stage.OpenMint(ctx, lines, func(ctx context.Context, payer string) error {
		return net.Airdrop(ctx, payer, payerHas)
	})
	if err != nil {
		return err
	}
	s.say(began, "A Solana chain runs on this machine with the real token programs, a slot every %s; central has a SOL there to mint from.", slots)
	return nil
}

// token waits until central says of a person's token what it should, and then asks the
// chain, which must say what is wanted.
func (s *story) token(ctx context.Context, p *stage.Person, id ticket.ID, said func(*stage.Minted) bool, want func(*stage.Minted) stage.Token) (stage.Minted, error) {
	ctx, cancel := context.WithTimeout(ctx, tokenWait)
	defer cancel()
	m, err := p.AwaitToken(ctx, id, said)
	if err != nil {
		return m, err
	}
	got, err := s.coins.chain.Token(ctx, m.Address)
	if err != nil {
		return m, err
	}
	if want := want(&m); got != want {
		return m, fmt.Errorf("the chain says of token %s: %+v, want %+v", m.Address, got, want)
	}
	s.coins.owner[id] = got.Owner
	return m, nil
}

// frozen is one token in the wallet that central names.
func frozen(m *stage.Minted) stage.Token { return stage.Token{Supply: 1, Owner: m.Owner, Frozen: true} }

// isMinted waits until a ticket that was bought has its token.
func (s *story) isMinted(ctx context.Context, name string, p *stage.Person, id ticket.ID) error {
	if s.coins == nil {
		return nil
	}
	began := time.Now()
	m, err := s.token(ctx, p, id, func(m *stage.Minted) bool { return m.State == "held" }, frozen)
	if err != nil {
		return err
	}
	s.say(began, "Its token is %s: the chain says that there is one, in %s's wallet %s, frozen.", m.Address, name, short(m.Owner))
	return nil
}

// hasMoved waits until a token has gone with its ticket.
func (s *story) hasMoved(ctx context.Context, name string, p *stage.Person, id ticket.ID) error {
	if s.coins == nil {
		return nil
	}
	began := time.Now()
	before := s.coins.owner[id]
	m, err := s.token(ctx, p, id, func(m *stage.Minted) bool { return m.State == "held" && m.Owner != before }, frozen)
	if err != nil {
		return err
	}
	s.say(began, "Its token went with it: the chain says that %s is in %s's wallet %s now, no longer in %s, and frozen.", short(m.Address), name, short(m.Owner), short(before))
	return nil
}

// isBurned waits until the token of a ticket that was refunded is no more.
func (s *story) isBurned(ctx context.Context, p *stage.Person, id ticket.ID) error {
	if s.coins == nil {
		return nil
	}
	began := time.Now()
	m, err := s.token(ctx, p, id, func(m *stage.Minted) bool { return m.State == "burned" }, func(*stage.Minted) stage.Token { return stage.Token{} })
	if err != nil {
		return err
	}
	s.say(began, "Its token was burned: the chain says that there is none of %s any more.", short(m.Address))
	return nil
}

// isFree waits until the token of somebody who has been in is theirs, who then sends it
// to a wallet that central knows nothing of.
func (s *story) isFree(ctx context.Context, name string, p *stage.Person, id ticket.ID) error {
	if s.coins == nil {
		return nil
	}
	began := time.Now()
	mine := s.coins.owner[id]
	m, err := s.token(ctx, p, id, func(m *stage.Minted) bool { return m.State == "free" },
		func(*stage.Minted) stage.Token { return stage.Token{Supply: 1, Owner: mine} })
	if err != nil {
		return err
	}
	s.say(began, "Its token is %s's for good: the chain says that %s is not frozen any more.", name, short(m.Address))

	began = time.Now()
	key, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	to := stage.Address(key)
	if err := p.SendToken(ctx, id, to); err != nil {
		return err
	}
	_, err = s.token(ctx, p, id, func(m *stage.Minted) bool { return m.Owner == to },
		func(*stage.Minted) stage.Token { return stage.Token{Supply: 1, Owner: to} })
	if err != nil {
		return err
	}
	s.say(began, "%s sent it to a wallet that only he has the key of: the chain says that it is in %s.", name, short(to))
	return nil
}

// books are what central says of all tokens.
type books struct {
	Tokens    map[string]int `json:"tokens"`
	Unsettled int            `json:"unsettled"`
	Stuck     int            `json:"stuck"`
	Actions   map[string]int `json:"actions"`
	Fees      int64          `json:"fees"`
	Rent      int64          `json:"rent"`
}

// settled reports whether nothing is under way.
func (b *books) settled() bool {
	return b.Unsettled == 0 && b.Actions["wanted"]+b.Actions["prepared"]+b.Actions["sent"]+b.Actions["confirmed"] == 0
}

// reconcile waits until nothing is under way, compares what central says it paid with
// what the chain says the payer has, and has central compare all tokens with the chain.
func (s *story) reconcile(ctx context.Context) error {
	if s.coins == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, tokenWait)
	defer cancel()
	began := time.Now()
	var b books
	for {
		text, err := s.stage.Central(ctx, "mint", "status", "--json")
		if err != nil {
			return err
		}
		b = books{}
		if err := json.Unmarshal(text, &b); err != nil {
			return err
		}
		if b.Stuck > 0 {
			return fmt.Errorf("%d tokens need a person: %s", b.Stuck, text)
		}
		if b.settled() {
			break
		}
		if err := wait(ctx, 100*time.Millisecond); err != nil {
			return fmt.Errorf("tokens are still under way: %w: %s", err, text)
		}
	}
	has, err := s.coins.chain.Balance(ctx, s.coins.payer)
	if err != nil {
		return err
	}
	if paid := payerHas - int64(has); paid != b.Fees+b.Rent { // #nosec G115 -- a SOL at most
		return fmt.Errorf("the chain says that %d lamports were paid, central %d of fees and %d of rent", paid, b.Fees, b.Rent)
	}
	said, err := s.stage.Central(ctx, "mint", "reconcile")
	if err != nil {
		return err
	}
	if !strings.Contains(string(said), ", 0 differences") {
		return fmt.Errorf("central's tokens are not those of the chain: %s", said)
	}
	s.say(began, "Of all that were bought with an account %d tokens are held, %d free and %d burned; the chain has them so, and the payer %d lamports less, to the last: %d of fees, %d of rent.",
		b.Tokens["held"], b.Tokens["free"], b.Tokens["burned"], b.Fees+b.Rent, b.Fees, b.Rent)
	return nil
}

// whereTokens says where to look at the chain.
func (s *story) whereTokens() {
	if s.coins == nil {
		return
	}
	_, _ = fmt.Fprintf(s.out, "The chain's nodes are %s and %s; ask them as any other's, such as for who holds a token:\n"+
		"  curl -s %s -H 'content-type: application/json' -d '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"getTokenLargestAccounts\",\"params\":[\"ADDRESS\"]}'\n"+
		"What central says of its tokens: %s mint status --config %s\n\n",
		s.coins.net.URL, s.coins.net.Second.URL, s.coins.net.URL, filepath.Join(s.stage.Bin, "central"), filepath.Join(s.stage.Dir, "central", "central.toml"))
}

// short is an address for people.
func short(address string) string {
	if len(address) <= 10 {
		return address
	}
	return address[:4] + "…" + address[len(address)-4:]
}
