// Package ticketset is the signed bundle of everything a gate must know about
// one event: a manifest that names chunks of tickets by their hashes, the
// event's rules, a status list, and the deltas, beacons and ledger pages that
// keep it fresh.
//
// Every object is deterministic CBOR. The manifest, deltas, beacons and ledger
// pages are COSE_Sign1 messages of the event key; chunks, rules and status list
// are plain objects that the manifest names by SHA-256. Whoever carries the
// bytes (a broker, a USB stick, another gate) is not trusted: an Open function
// returns a value only if the event key of that event vouches for every byte.
//
// The package also holds the rules of succession, which is what protects a gate
// from old truths: no rollback (a lower version), no mix-and-match (a chunk of
// another version), no fork (another content under a number already used), no
// gap in the deltas, and a beacon whose age exposes a freeze. The list of
// attacks is that of The Update Framework's specification (section 1.5.2). A
// fast-forward attack, a manifest of a far too high version, needs the event
// key itself and is answered by a new event key on the trust list, not here.
//
// It stores nothing, sends nothing, reads no clock and decides about nobody.
package ticketset

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// The signature contexts of this package's messages (external_aad, RFC 9052
// section 4.4): a signature on one kind of message is none on another.
const (
	ManifestContext trust.Context = "conting/manifest/v1"
	DeltaContext    trust.Context = "conting/delta/v1"
	BeaconContext   trust.Context = "conting/beacon/v1"
	LedgerContext   trust.Context = "conting/ledger/v1"
)

// The limits of what is read and written. Sizes are bytes of the whole object,
// signature included, and leave room within one MQTT message of 128 KiB.
const (
	ChunkRecords = 1000    // most tickets in one chunk
	MaxTickets   = 2 << 20 // most tickets in one set
	MaxChunks    = 2200    // most chunks a manifest of MaxManifest can name

	MaxManifest = 126 << 10
	MaxRules    = 126 << 10
	MaxStatus   = 126 << 10 // compressed
	MaxChunk    = 96 << 10
	MaxDelta    = 96 << 10
	MaxBeacon   = 1 << 10
	MaxLedger   = 64 << 10

	MaxOps        = 500 // most operations in one delta
	LedgerEntries = 256 // entries of a complete ledger page
)

// format is the first element of every message, so that a later layout cannot
// be mistaken for this one.
const format = 1

// Errors that callers branch on. Whatever is wrong with the signature itself
// comes as an error of package trust.
var (
	ErrMalformed  = errors.New("malformed object")                           // does not decode, or breaks a rule of its own
	ErrTooLarge   = errors.New("object is larger than its limit")            // refused before it was read
	ErrWrongEvent = errors.New("object belongs to another event")            //
	ErrAltered    = errors.New("object is not the one that was named")       // hash or size differ from the manifest's
	ErrExpired    = errors.New("set has expired")                            //
	ErrRollback   = errors.New("object is older than what is known")         // a lower version or number
	ErrForked     = errors.New("another object has this number or ancestry") // same number, other bytes; or wrong previous hash
	ErrKnown      = errors.New("object is known already")                    // nothing to do
	ErrGap        = errors.New("an earlier object is missing")               // fetch it first
	ErrOrder      = errors.New("tickets are not in order of their ids")      // also for duplicates
)

// Head names the newest link of a hash chain: its number and the SHA-256 of
// its signed bytes. The zero head is that of an empty chain.
type Head struct {
	_    struct{} `cbor:",toarray"`
	Seq  uint64
	Hash [32]byte
}

// Hash returns the name of an object: the SHA-256 of its bytes.
func Hash(data []byte) [32]byte { return sha256.Sum256(data) }

func malformed(what, why string, args ...any) error {
	return fmt.Errorf("%s: %s: %w", what, fmt.Sprintf(why, args...), ErrMalformed)
}

func tooLarge(what string, size, limit int) error {
	return fmt.Errorf("%s of %d bytes, the limit is %d: %w", what, size, limit, ErrTooLarge)
}

func wrongEvent(what string, got, want ticket.EventID) error {
	return fmt.Errorf("%s of event %s, want %s: %w", what, got, want, ErrWrongEvent)
}
