package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/gagliardetto/solana-go"
)

// seedLen is the most that a seed may have.
const seedLen = solana.MaxSeedLength

// TicketSeed returns the seed of a ticket's mint: base64url of the first 24 bytes of
// HMAC-SHA256(secret, "ticket-mint-v1" ‖ 0 ‖ ticket). Who does not have the secret can
// neither find a ticket's mint nor the ticket of a mint.
func TicketSeed(secret, ticket []byte) string { return seed(secret, "ticket-mint-v1", ticket) }

// GroupSeed returns that of an event's collection.
func GroupSeed(secret, event []byte) string { return seed(secret, "event-group-v1", event) }

func seed(secret []byte, label string, id []byte) string {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(label))
	m.Write([]byte{0})
	m.Write(id)
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:seedLen*3/4])
}

// Address returns where a seed's mint is: SHA-256(authority ‖ seed ‖ Token-2022). Only
// the authority can make an account there, though anybody can send lamports to it.
func Address(authority Key, seed string) (Key, error) {
	if len(seed) == 0 || len(seed) > seedLen {
		return Key{}, fmt.Errorf("%w: seed of %d bytes", ErrAsk, len(seed))
	}
	k, err := solana.CreateWithSeed(authority, seed, solana.Token2022ProgramID)
	if err != nil {
		return Key{}, fmt.Errorf("derive address: %w", err)
	}
	return k, nil
}

// Holder returns the address of a wallet's associated token account for a mint: the only
// one that is used here, though a wallet may have others.
func Holder(wallet, mint Key) (Key, error) {
	k, _, err := solana.FindAssociatedTokenAddressWithProgram(wallet, mint, solana.Token2022ProgramID)
	if err != nil {
		return Key{}, fmt.Errorf("derive token account: %w", err)
	}
	return k, nil
}
