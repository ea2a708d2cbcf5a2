package merkle

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/con-ting/conting/sync/ticket"
)

// MaxProof is the longest proof that is read, in bytes.
const MaxProof = 8 << 10

// Format is the first field of every proof file.
const Format = "conting-ticket-proof-1"

// Proof says that a ticket stood in a set. It reveals its record, with the ticket's
// id and holder key, to whoever it is shown to, and nobody else's. The id admits
// nobody.
type Proof struct {
	Set    Set
	Root   Hash // of the set
	Record Record
	Salt   Hash

	Index, Count uint32 // of the record in its chunk, and how many there are
	Path         []Hash

	Chunk, Chunks uint32 // of the chunk in the set, and how many there are
	ChunkPath     []Hash

	// Transaction is the signature of the transaction that the root stands in, base58;
	// may be empty. It is a hint where to look: nothing here vouches for it.
	Transaction string
}

// Verify returns nil if the proof leads to a root that the caller has from somebody
// whom they trust; [Proof.Root] is only what the proof claims. The error is
// [ErrProof].
func (p *Proof) Verify(root Hash) error {
	if err := p.check(); err != nil {
		return err
	}
	if p.Root != root {
		return fmt.Errorf("%w: it is for another root", ErrProof)
	}
	return nil
}

// check returns nil if the proof leads to the root that it names.
func (p *Proof) check() error {
	if err := p.Record.check(p.Set); err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	over, ok := climb(leafHash(p.Salt, &p.Record), int(p.Index), int(p.Count), p.Path)
	if !ok {
		return fmt.Errorf("%w: path does not fit the chunk", ErrProof)
	}
	all, ok := climb(chunkHash(p.Count, over), int(p.Chunk), int(p.Chunks), p.ChunkPath)
	if !ok {
		return fmt.Errorf("%w: path does not fit the set", ErrProof)
	}
	if rootHash(p.Set, p.Chunks, all) != p.Root {
		return fmt.Errorf("%w: it does not lead to its root", ErrProof)
	}
	return nil
}

// Memo returns what stands on chain for the proof's set.
func (p *Proof) Memo() Memo { return Memo{Set: p.Set, Root: p.Root} }

// proofFile is a proof as JSON. Hashes are unpadded base64url.
type proofFile struct {
	Format      string         `json:"format"`
	Event       ticket.EventID `json:"event"`
	Version     uint64         `json:"set_version"`
	Root        b64            `json:"root"`
	Ticket      recordFile     `json:"ticket"`
	Salt        b64            `json:"salt"`
	Index       uint32         `json:"index"`
	Count       uint32         `json:"count"`
	Path        []b64          `json:"path"`
	Chunk       uint32         `json:"chunk"`
	Chunks      uint32         `json:"chunks"`
	ChunkPath   []b64          `json:"chunk_path"`
	Transaction string         `json:"transaction,omitempty"`
}

// recordFile is a record without the event, which stands beside it.
type recordFile struct {
	ID        ticket.ID        `json:"id"`
	Version   uint32           `json:"version"`
	Zone      uint16           `json:"zone"`
	Class     uint8            `json:"class"`
	Flags     ticket.Flags     `json:"flags"`
	Status    string           `json:"status"`
	NotBefore int64            `json:"not_before"`
	NotAfter  int64            `json:"not_after"`
	Holder    ticket.HolderKey `json:"holder,omitzero"`
	Mint      *b64             `json:"mint,omitempty"`
	Seat      string           `json:"seat"`
}

// b64 is 32 bytes as unpadded base64url.
type b64 Hash

func (h b64) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, h[:]), nil
}

func (h *b64) UnmarshalText(text []byte) error {
	got, ok := decodeHash(string(text))
	if !ok {
		return ErrProof
	}
	*h = b64(got)
	return nil
}

// decodeHash reads 32 bytes in unpadded base64url; each has one spelling.
func decodeHash(s string) (Hash, bool) {
	var h Hash
	// The decoder skips line feeds, so the text's length is checked as well.
	if len(s) != base64.RawURLEncoding.EncodedLen(len(h)) {
		return Hash{}, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(h) {
		return Hash{}, false
	}
	return Hash(b), true
}

// MarshalJSON writes the proof as a file that [ParseProof] reads.
func (p Proof) MarshalJSON() ([]byte, error) {
	t := &p.Record.Ticket
	f := proofFile{
		Format: Format, Event: p.Set.Event, Version: p.Set.Version, Root: b64(p.Root),
		Ticket: recordFile{
			ID: t.ID, Version: t.Version, Zone: t.Zone, Class: t.Class, Flags: t.Flags, Status: p.Record.Status.String(),
			NotBefore: t.NotBefore, NotAfter: t.NotAfter, Holder: t.Holder, Seat: t.Seat,
		},
		Salt: b64(p.Salt), Index: p.Index, Count: p.Count, Path: toText(p.Path),
		Chunk: p.Chunk, Chunks: p.Chunks, ChunkPath: toText(p.ChunkPath), Transaction: p.Transaction,
	}
	if len(t.Mint) == len(Hash{}) {
		mint := b64(t.Mint)
		f.Ticket.Mint = &mint
	}
	return json.Marshal(f)
}

// UnmarshalJSON is [ParseProof].
func (p *Proof) UnmarshalJSON(data []byte) error {
	got, err := ParseProof(data)
	if err == nil {
		*p = got
	}
	return err
}

// ParseProof reads a proof file of at most [MaxProof] bytes and checks that it leads
// to the root that it names, which says nothing yet: see [Proof.Verify]. The error is
// [ErrProof].
func ParseProof(data []byte) (Proof, error) {
	if len(data) > MaxProof {
		return Proof{}, fmt.Errorf("%w: %d bytes, the limit is %d", ErrProof, len(data), MaxProof)
	}
	if !plainKeys(json.NewDecoder(bytes.NewReader(data))) {
		return Proof{}, fmt.Errorf("%w: not its JSON", ErrProof)
	}
	var f proofFile
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return Proof{}, fmt.Errorf("%w: not its JSON", ErrProof)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Proof{}, fmt.Errorf("%w: something follows it", ErrProof)
	}
	if f.Format != Format {
		return Proof{}, fmt.Errorf("%w: not of format %s", ErrProof, Format)
	}
	status, ok := statusOf(f.Ticket.Status)
	if !ok || !plainSignature(f.Transaction) {
		return Proof{}, fmt.Errorf("%w: status or transaction", ErrProof)
	}
	p := Proof{
		Set: Set{Event: f.Event, Version: f.Version}, Root: Hash(f.Root), Salt: Hash(f.Salt),
		Record: Record{Status: status, Ticket: ticket.Ticket{
			ID: f.Ticket.ID, Event: f.Event, Version: f.Ticket.Version, Zone: f.Ticket.Zone, Class: f.Ticket.Class, Flags: f.Ticket.Flags,
			NotBefore: f.Ticket.NotBefore, NotAfter: f.Ticket.NotAfter, Holder: f.Ticket.Holder, Seat: f.Ticket.Seat,
		}},
		Index: f.Index, Count: f.Count, Path: fromText(f.Path),
		Chunk: f.Chunk, Chunks: f.Chunks, ChunkPath: fromText(f.ChunkPath), Transaction: f.Transaction,
	}
	if f.Ticket.Mint != nil {
		p.Record.Ticket.Mint = slices.Clone(f.Ticket.Mint[:])
	}
	if err := p.check(); err != nil {
		return Proof{}, err
	}
	return p, nil
}

// plainKeys reports whether the next value has objects alone whose keys are all
// different, and in small letters: else one program would show what another did not
// verify, as Go takes the last of two and does not tell letters by their case.
func plainKeys(d *json.Decoder) bool {
	t, err := d.Token()
	if err != nil {
		return false
	}
	open, ok := t.(json.Delim)
	if !ok {
		return true
	}
	seen := map[string]bool{}
	for d.More() {
		if open == '{' {
			t, err := d.Token()
			key, ok := t.(string)
			if err != nil || !ok || seen[key] || strings.Trim(key, "abcdefghijklmnopqrstuvwxyz_") != "" {
				return false
			}
			seen[key] = true
		}
		if !plainKeys(d) {
			return false
		}
	}
	_, err = d.Token()
	return err == nil
}

func toText(hashes []Hash) []b64 {
	out := make([]b64, len(hashes))
	for i, h := range hashes {
		out[i] = b64(h)
	}
	return out
}

func fromText(hashes []b64) []Hash {
	out := make([]Hash, len(hashes))
	for i, h := range hashes {
		out[i] = Hash(h)
	}
	return out
}

func statusOf(word string) (ticket.Status, bool) {
	for s := ticket.StatusValid; s <= ticket.StatusBlocked; s++ {
		if s.String() == word {
			return s, true
		}
	}
	return 0, false
}

// plainSignature reports whether s can be a transaction's signature in base58, or is
// empty.
func plainSignature(s string) bool {
	const base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	return len(s) <= 88 && strings.Trim(s, base58) == ""
}
