package wallet

import (
	"context"
	"fmt"

	"github.com/oasisprotocol/curve25519-voi/curve"

	"github.com/con-ting/conting/sync/base58"
)

// MaxAddress is the longest address, in characters: 32 bytes in base58.
const MaxAddress = 44

// ParseAddress reads the address of a wallet that can sign: base58, exactly as it is
// written, of 32 bytes that are the canonical encoding of a point on Ed25519's curve,
// in the group of prime order and not its neutral element. Program-derived addresses,
// as token accounts have, are on no point and are refused, and so are keys that
// everybody can sign for. The error is [ErrAddress].
func ParseAddress(s string) ([32]byte, error) {
	b, err := decodeAddress(s)
	if err != nil {
		return [32]byte{}, err
	}
	if !canSign(b) {
		return [32]byte{}, fmt.Errorf("%w: nobody has its key", ErrAddress)
	}
	return b, nil
}

// FormatAddress writes an address in base58.
func FormatAddress(b [32]byte) string { return base58.Encode(b[:]) }

// decodeAddress reads any address, a program's too.
func decodeAddress(s string) ([32]byte, error) {
	b, ok := base58.Decode(s, 32)
	if !ok || len(b) != 32 {
		return [32]byte{}, fmt.Errorf("%w: not 32 bytes in base58", ErrAddress)
	}
	return [32]byte(b), nil
}

// canSign reports whether 32 bytes can be somebody's public key. A key with a part
// of small order is nothing that a wallet makes: its signatures hold for some
// verifiers and not for others. All that is not canonically encoded, y above the
// field's prime or the sign of an x of zero, is such a point or none, so that it
// needs no check of its own.
func canSign(b [32]byte) bool {
	compressed := curve.CompressedEdwardsY(b)
	point := curve.NewEdwardsPoint()
	if _, err := point.SetCompressedY(&compressed); err != nil {
		return false
	}
	return !point.IsSmallOrder() && point.IsTorsionFree()
}

// programs are addresses with a point that may be on the curve and that no person
// has: programs, sysvars, and where things are burned.
func programs() []string {
	return []string{
		"11111111111111111111111111111111",
		"TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA",
		"TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb",
		"ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL",
		"MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr",
		"Memo1UhkJRfHyvLMcVucJwxXeuD728EqVDDwQDxFMNo",
		"ComputeBudget111111111111111111111111111111",
		"AddressLookupTab1e1111111111111111111111111",
		"Vote111111111111111111111111111111111111111",
		"Stake11111111111111111111111111111111111111",
		"Config1111111111111111111111111111111111111",
		"BPFLoader2111111111111111111111111111111111",
		"BPFLoaderUpgradeab1e11111111111111111111111",
		"Ed25519SigVerify111111111111111111111111111",
		"KeccakSecp256k11111111111111111111111111111",
		"NativeLoader1111111111111111111111111111111",
		"Sysvar1111111111111111111111111111111111111",
		"SysvarC1ock11111111111111111111111111111111",
		"SysvarRent111111111111111111111111111111111",
		"Sysvar1nstructions1111111111111111111111111",
		"SysvarRecentB1ockHashes11111111111111111111",
		"So11111111111111111111111111111111111111112",
		"metaqbxxUerdq28cj1RbAWkYQm3ybzjb6a8bt518x1s",
		"1nc1nerator11111111111111111111111111111111",
	}
}

// CheckOutside returns nil if an address can be a person's own wallet, to be linked
// or to be sent to: the error wraps [ErrAddress] or [ErrReserved]. That the person
// has its key it does not say.
func (r *Room) CheckOutside(ctx context.Context, address string) error {
	if r.reserved[address] {
		return ErrReserved
	}
	if _, err := ParseAddress(address); err != nil {
		return err
	}
	kept, err := r.cfg.Store.Kept(ctx, address)
	if err == nil && !kept && r.cfg.Ours != nil {
		kept, err = r.cfg.Ours(ctx, address)
	}
	if err != nil {
		return fmt.Errorf("look for address: %w", err)
	}
	if kept {
		return fmt.Errorf("%w: it is one of ours", ErrReserved)
	}
	return nil
}
