package wallet

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"time"
)

// ChallengeLifetime is how long a person has to sign.
const ChallengeLifetime = 10 * time.Minute

// Begin makes the message that the owner of an address signs to link it, in their
// language. A message that was made for the account before is void. Nothing is linked
// yet. The error wraps [ErrAddress], [ErrReserved] or [ErrUnknown].
func (r *Room) Begin(ctx context.Context, account, address string, lang Language) (Challenge, error) {
	if err := r.CheckOutside(ctx, address); err != nil {
		return Challenge{}, err
	}
	if _, err := r.Wallet(ctx, account); err != nil {
		return Challenge{}, err
	}
	var nonce [16]byte
	if _, err := io.ReadFull(r.cfg.Rand, nonce[:]); err != nil {
		return Challenge{}, fmt.Errorf("make nonce: %w", err)
	}
	issued := r.cfg.Now().UTC().Truncate(time.Second)
	m := Message{
		Domain: r.domain, Address: address, Statement: lang.statement(r.domain), URI: r.origin, Chain: r.cfg.Chain,
		Nonce: hex.EncodeToString(nonce[:]), Issued: issued, Expires: issued.Add(ChallengeLifetime),
	}
	c := Challenge{Account: account, Nonce: m.Nonce, Address: address, Message: m.String(), Expires: m.Expires}
	if err := r.cfg.Store.PutChallenge(ctx, c); err != nil {
		return Challenge{}, fmt.Errorf("keep message: %w", err)
	}
	return c, nil
}

// Link links the wallet whose key has signed the account's message: signature is its
// Ed25519 signature of the message's bytes, or of what hardware wallets and the solana
// command put around them. The message is used up. The error wraps
// [ErrChallenge], [ErrSignature], [ErrTaken] or [ErrReserved].
func (r *Room) Link(ctx context.Context, account string, signature []byte) (Wallet, error) {
	c, err := r.cfg.Store.Challenge(ctx, account)
	if err != nil {
		return Wallet{}, fmt.Errorf("read message: %w", err)
	}
	key, err := ParseAddress(c.Address)
	if err != nil {
		return Wallet{}, err
	}
	if !signed(key, c.Message, signature) {
		return Wallet{}, ErrSignature
	}
	if err := r.CheckOutside(ctx, c.Address); err != nil { // it may have become one of ours meanwhile
		return Wallet{}, err
	}
	w, err := r.cfg.Store.Link(ctx, account, c.Nonce)
	if err != nil {
		return Wallet{}, fmt.Errorf("link wallet: %w", err)
	}
	return w, r.check(&w)
}

// Unlink makes the account's tickets lie in its custodial wallet again. The error
// wraps [ErrNotLinked].
func (r *Room) Unlink(ctx context.Context, account string) (Wallet, error) {
	w, err := r.cfg.Store.Unlink(ctx, account)
	if err != nil {
		return Wallet{}, fmt.Errorf("unlink wallet: %w", err)
	}
	return w, r.check(&w)
}
