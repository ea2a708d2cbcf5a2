// Package merkle makes one hash stand for all tickets of a version of an event's
// ticket set, and proves of one ticket that it is among them without showing
// another.
//
// It is what is written on chain where tokens are made only when somebody asks for
// them: whoever has a proof can show, with nothing but the chain, that central had
// sold the ticket when the root was written and cannot deny it. It proves no more: a
// ticket that was sold later, or moved or was refunded since, stands in a later set.
// It reads no chain and no set, stores nothing, and knows no wallet.
//
// # Format
//
// Numbers are big-endian; H is SHA-256; ‖ joins. A record is
//
//	event 4 ‖ ticket id 16 ‖ ticket version 4 ‖ zone 2 ‖ class 1 ‖ flags 2 ‖
//	status 1 ‖ not before 8 ‖ not after 8 ‖ length 1 ‖ holder key (0 or 33) ‖
//	length 1 ‖ mint address (0 or 32) ‖ length 1 ‖ seat (UTF-8, 0 to 24)
//
// and its leaf is H(0x00 ‖ salt 32 ‖ record). A tree over hashes is that of RFC 6962,
// section 2.1: of one hash it is that hash, of more it is H(0x01 ‖ left ‖ right),
// where left is the tree over the greatest power of two that is smaller than their
// number, and of none it is H of nothing. Then
//
//	chunk = H(0x02 ‖ number of its records 4 ‖ tree over its leaves)
//	root  = H(0x03 ‖ event 4 ‖ set version 8 ‖ number of chunks 4 ‖ tree over the chunks)
//
// A chunk has 1 to 1,000 records; over all chunks they are in strictly ascending order
// of ticket ids. Where one chunk ends and the next begins is for whoever builds to
// say; the published set's own chunks will do, so that one of them is all that a
// proof is made from. The first byte keeps leaves, inner nodes, chunks and roots
// apart, the numbers keep a tree from being taken for a smaller one.
//
// # What a proof shows
//
// A proof holds the record, its salt, how many records and chunks there are, and the
// hashes beside its way to the root. The hash of a neighbour is among them, and who has
// that neighbour's id from the code on a phone could guess the rest of its record and
// see their guess confirmed. The salt, an HMAC of event, version and id under a secret
// of central's, keeps them from it, and from seeing by comparing two sets' proofs
// whether a neighbour's ticket has moved. A root alone shows nothing of any ticket, not
// even how many there are.
//
// Proofs come from strangers: they are bounded in size and read strictly. A root is
// only worth as much as the signer of the transaction that it stands in.
package merkle

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/con-ting/conting/sync/ticket"
)

// Limits of a tree.
const (
	MaxRecords = 1000    // most records in a chunk
	MaxChunks  = 1 << 12 // most chunks in a set
)

// Errors that callers branch on.
var (
	// ErrRecord means that a record cannot be in this set: its ticket is malformed, of
	// another event, or not in order.
	ErrRecord = errors.New("record does not fit the set")

	// ErrChunk means that records are not those that the root was made of.
	ErrChunk = errors.New("records are not those of this root")

	// ErrAbsent means that a ticket is not among the records.
	ErrAbsent = errors.New("ticket is not in this chunk")

	// ErrProof means that a proof is malformed, or proves nothing.
	ErrProof = errors.New("not a proof")

	// ErrMemo means that a text is not the memo of a root.
	ErrMemo = errors.New("not the memo of a ticket set")
)

// Hash is a SHA-256.
type Hash = [sha256.Size]byte

// Secret is what salts are made under. Who has it can confirm guesses, see the
// package comment; they can prove nothing that is not so.
type Secret [32]byte

// String hides the secret from logs.
func (Secret) String() string { return "merkle secret" }

// GoString hides the secret from logs.
func (Secret) GoString() string { return "merkle secret" }

// Set names one version of an event's ticket set.
type Set struct {
	Event   ticket.EventID
	Version uint64
}

// Record is a ticket as it stands in a set.
type Record struct {
	Ticket ticket.Ticket
	Status ticket.Status
}

// check refuses what [Record.bytes] could not write unambiguously.
func (r *Record) check(set Set) error {
	if err := r.Ticket.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrRecord, err)
	}
	if r.Ticket.Event != set.Event {
		return fmt.Errorf("%w: ticket of event %s, want %s", ErrRecord, r.Ticket.Event, set.Event)
	}
	if r.Status > ticket.StatusBlocked {
		return fmt.Errorf("%w: %s", ErrRecord, r.Status)
	}
	return nil
}

// bytes returns the record as the package comment has it.
func (r *Record) bytes() []byte {
	t := &r.Ticket
	b := make([]byte, 0, 160)
	b = binary.BigEndian.AppendUint32(b, uint32(t.Event))
	b = append(b, t.ID[:]...)
	b = binary.BigEndian.AppendUint32(b, t.Version)
	b = binary.BigEndian.AppendUint16(b, t.Zone)
	b = append(b, t.Class)
	b = binary.BigEndian.AppendUint16(b, uint16(t.Flags))
	b = append(b, byte(r.Status))
	b = binary.BigEndian.AppendUint64(b, uint64(t.NotBefore)) // #nosec G115 -- checked: not negative
	b = binary.BigEndian.AppendUint64(b, uint64(t.NotAfter))  // #nosec G115 -- checked: not negative
	if t.Holder.IsZero() {
		b = append(b, 0)
	} else {
		b = append(append(b, byte(len(t.Holder))), t.Holder[:]...)
	}
	b = append(append(b, byte(len(t.Mint))), t.Mint...)    // #nosec G115 -- checked: 0 or 32
	return append(append(b, byte(len(t.Seat))), t.Seat...) // #nosec G115 -- checked: at most MaxSeatLen
}

const saltLabel = "conting/merkle/salt/v1\x00"

// salt makes a record's leaf one that nobody can guess.
func (s *Secret) salt(set Set, id ticket.ID) Hash {
	m := hmac.New(sha256.New, s[:])
	m.Write([]byte(saltLabel))
	b := binary.BigEndian.AppendUint32(nil, uint32(set.Event))
	b = binary.BigEndian.AppendUint64(b, set.Version)
	m.Write(append(b, id[:]...))
	return Hash(m.Sum(nil))
}

// The first bytes of what is hashed.
const (
	prefixLeaf = iota
	prefixNode
	prefixChunk
	prefixRoot
)

func leafHash(salt Hash, r *Record) Hash {
	return sha256.Sum256(append(append([]byte{prefixLeaf}, salt[:]...), r.bytes()...))
}

func chunkHash(count uint32, top Hash) Hash {
	b := binary.BigEndian.AppendUint32([]byte{prefixChunk}, count)
	return sha256.Sum256(append(b, top[:]...))
}

func rootHash(set Set, chunks uint32, top Hash) Hash {
	b := binary.BigEndian.AppendUint32([]byte{prefixRoot}, uint32(set.Event))
	b = binary.BigEndian.AppendUint64(b, set.Version)
	b = binary.BigEndian.AppendUint32(b, chunks)
	return sha256.Sum256(append(b, top[:]...))
}

// leaves returns the hashes of a chunk's records, which must come after a ticket id.
func leaves(set Set, secret *Secret, records []Record, after ticket.ID) ([]Hash, error) {
	if len(records) == 0 || len(records) > MaxRecords {
		return nil, fmt.Errorf("%w: a chunk of %d records", ErrRecord, len(records))
	}
	out := make([]Hash, len(records))
	for i := range records {
		r := &records[i]
		if err := r.check(set); err != nil {
			return nil, err
		}
		if bytes.Compare(after[:], r.Ticket.ID[:]) >= 0 {
			return nil, fmt.Errorf("%w: tickets are not in order of their ids", ErrRecord)
		}
		after = r.Ticket.ID
		out[i] = leafHash(secret.salt(set, after), r)
	}
	return out, nil
}
