package wallet

import (
	"context"
	"time"
)

// Store is the room's memory. Each method is one transaction, durable when it
// returns. "Now" is the store's clock. Account ids are 32 hexadecimal digits.
type Store interface {
	Seeds
	Wallets
	Links
}

// Seeds keeps the one sealed seed, at most [MaxSealed] bytes.
type Seeds interface {
	// Seed returns the sealed seed, or nil while there is none.
	Seed(ctx context.Context) ([]byte, error)

	// KeepSeed stores a sealed seed if there is none, and returns the one that is kept
	// now, which may be another central's.
	KeepSeed(ctx context.Context, sealed []byte) ([]byte, error)

	// Reseal replaces the sealed seed if it is still from; otherwise the error wraps
	// [ErrStale].
	Reseal(ctx context.Context, from, to []byte) error
}

// Wallets keeps where people's tickets lie.
type Wallets interface {
	// Wallets returns those of some accounts, in any order; who has none is left out.
	Wallets(ctx context.Context, accounts []string) ([]Wallet, error)

	// KeepWallets stores wallets for accounts that have none, and returns for every one
	// of the accounts what is kept now, in any order. Accounts that do not exist are
	// left out. What is given has each account once, and
	// Linked and Since zero.
	KeepWallets(ctx context.Context, wallets []Wallet) ([]Wallet, error)

	// Kept reports whether an address is that of anybody's custodial wallet.
	Kept(ctx context.Context, address string) (bool, error)
}

// Challenge is a message that one account's owner shall sign with the key of a
// wallet. Message is signed as it stands.
type Challenge struct {
	Account string
	Nonce   string // 32 hexadecimal digits
	Address string // of the wallet
	Message string // at most [MaxMessage] bytes
	Expires time.Time
}

// Links keeps which outside wallets belong to whom.
type Links interface {
	// PutChallenge stores a message in place of the one that the account had before, and
	// forgets messages of anybody that have ended. For an account that does not exist
	// the error wraps [ErrUnknown].
	PutChallenge(ctx context.Context, c Challenge) error

	// Challenge returns the account's message, or [ErrChallenge] if there is none or it
	// has ended.
	Challenge(ctx context.Context, account string) (Challenge, error)

	// Link uses up the account's message with that nonce, which must not have ended,
	// else it is [ErrChallenge]; links the account's wallet to the message's address,
	// in place of another that was linked, as of now; and posts an outbox row of kind
	// wallet_linked for the account. An address that is linked to another account is
	// [ErrTaken], and then the message is not used up. It returns the wallet as it is
	// now. The account has a custodial wallet; without one it is [ErrUnknown].
	Link(ctx context.Context, account, nonce string) (Wallet, error)

	// Unlink forgets the outside wallet, posts wallet_linked, and returns the wallet as
	// it is now; or [ErrNotLinked].
	Unlink(ctx context.Context, account string) (Wallet, error)
}
