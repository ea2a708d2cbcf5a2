package wallet

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
)

// Wallet makes passes with one authenticator. It is not safe for concurrent use.
type Wallet struct {
	Authenticator *Authenticator
	// Rand gives sessions their secrets. It is derived from the wallet's seed, so
	// that the same wallet makes the same passes.
	Rand io.Reader
}

// New derives a wallet from a seed of any length. Draw the seed at random where
// two wallets must not be the same.
func New(rp ticket.RelyingParty, seed []byte) (*Wallet, error) {
	a, err := NewAuthenticator(rp, seed)
	if err != nil {
		return nil, err
	}
	return &Wallet{Authenticator: a, Rand: &stream{key: sha256.Sum256(append([]byte("conting/testdata/wallet\x00"), seed...))}}, nil
}

// HolderKey returns the key that tickets are bound to.
func (w *Wallet) HolderKey() ticket.HolderKey { return w.Authenticator.HolderKey() }

// Possession answers central's challenge when a ticket is bought.
func (w *Wallet) Possession(challenge []byte) (pass.Assertion, error) {
	return w.Authenticator.Assert(challenge)
}

// Rotating begins and seals a session of the longest length at now. Its Text makes
// the passes.
func (w *Wallet) Rotating(id ticket.ID, now time.Time) (*pass.Session, error) {
	return w.Session(id, now, pass.MaxSlots, nil)
}

// Session begins and seals a session of so many slots, under a lease or, with nil,
// under none.
func (w *Wallet) Session(id ticket.ID, start time.Time, slots uint8, lease *[8]byte) (*pass.Session, error) {
	s, err := pass.NewSession(w.Rand, id, start, slots, lease)
	if err != nil {
		return nil, err
	}
	challenge := s.Challenge()
	a, err := w.Authenticator.Assert(challenge[:])
	if err != nil {
		return nil, err
	}
	if err := s.Seal(w.Authenticator.RelyingParty, a); err != nil {
		return nil, fmt.Errorf("seal session: %w", err)
	}
	return s, nil
}

// Answer makes the challenge pass for a gate's nonce; carried is the signed ticket
// for a full form, or nil.
func (w *Wallet) Answer(id ticket.ID, n pass.Nonce, carried []byte) (string, error) {
	challenge := pass.ChallengeFor(id, n)
	a, err := w.Authenticator.Assert(challenge[:])
	if err != nil {
		return "", err
	}
	return pass.ChallengeText(w.Authenticator.RelyingParty, id, n, a, carried)
}

// stream is SHA-256 in counter mode: repeatable, and good for nothing else.
type stream struct {
	key     [32]byte
	counter uint64
	rest    []byte
}

func (s *stream) Read(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if len(s.rest) == 0 {
			sum := sha256.Sum256(binary.BigEndian.AppendUint64(s.key[:], s.counter))
			s.counter++
			s.rest = sum[:]
		}
		c := copy(p, s.rest)
		p, s.rest = p[c:], s.rest[c:]
	}
	return n, nil
}
