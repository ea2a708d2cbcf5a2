package merkle

import (
	"fmt"
	"slices"

	"github.com/con-ting/conting/sync/ticket"
)

// Builder makes the root of a set, chunk by chunk. It keeps 32 bytes of each chunk.
type Builder struct {
	set    Set
	secret Secret
	chunks []Hash
	last   ticket.ID
}

// NewBuilder begins a set.
func NewBuilder(set Set, secret Secret) *Builder { return &Builder{set: set, secret: secret} }

// Add adds the next chunk. The error wraps [ErrRecord].
func (b *Builder) Add(records []Record) error {
	if len(b.chunks) == MaxChunks {
		return fmt.Errorf("%w: more than %d chunks", ErrRecord, MaxChunks)
	}
	hashes, err := leaves(b.set, &b.secret, records, b.last)
	if err != nil {
		return err
	}
	b.last = records[len(records)-1].Ticket.ID
	b.chunks = append(b.chunks, chunkHash(uint32(len(records)), top(hashes))) // #nosec G115 -- at most MaxRecords
	return nil
}

// Root returns the root of what was added, and the chunks that it is made of.
func (b *Builder) Root() (root Hash, chunks []Hash) {
	return RootOf(b.set, b.chunks), slices.Clone(b.chunks)
}

// RootOf returns the root over chunks, as [Builder.Root] returned them.
func RootOf(set Set, chunks []Hash) Hash {
	return rootHash(set, uint32(len(chunks)), top(chunks)) // #nosec G115 -- a builder has at most MaxChunks
}

// Prove proves that a ticket is in a set. Chunks are those of the set's root, number
// is that of the chunk that has the ticket, and records is all of that chunk. The
// error wraps [ErrAbsent], [ErrChunk] or [ErrRecord].
func Prove(set Set, secret Secret, chunks []Hash, number int, records []Record, id ticket.ID) (Proof, error) {
	if number < 0 || number >= len(chunks) || len(chunks) > MaxChunks {
		return Proof{}, fmt.Errorf("%w: chunk %d of %d", ErrChunk, number, len(chunks))
	}
	hashes, err := leaves(set, &secret, records, ticket.ID{})
	if err != nil {
		return Proof{}, err
	}
	count := uint32(len(records)) // #nosec G115 -- at most MaxRecords
	if chunkHash(count, top(hashes)) != chunks[number] {
		return Proof{}, fmt.Errorf("%w: chunk %d", ErrChunk, number)
	}
	index := slices.IndexFunc(records, func(r Record) bool { return r.Ticket.ID == id })
	if index < 0 {
		return Proof{}, ErrAbsent
	}
	return Proof{
		Set: set, Root: RootOf(set, chunks), Record: records[index], Salt: secret.salt(set, id),
		Index: uint32(index), Count: count, Path: path(hashes, index), // #nosec G115 -- below MaxRecords
		Chunk: uint32(number), Chunks: uint32(len(chunks)), ChunkPath: path(chunks, number), // #nosec G115 -- below MaxChunks
	}, nil
}
