package queue

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// ErrShuffle is wrapped by every error about a shuffle file or a receipt that does
// not hold.
var ErrShuffle = errors.New("it does not hold")

// A shuffle file lets anybody recompute who stood where. It is text: one line of
// JSON (see [Shuffled]), then a line for each number of the lobby, in order, with
// the key of whoever has it in 32 hexadecimal digits; zeros stand for nobody.
const shuffleFormat = "conting-queue-shuffle-1"

// maxHeader is the longest first line of a shuffle file, in bytes.
const maxHeader = 8 << 10

// Shuffled is the first line of a shuffle file. Bytes are in hexadecimal digits.
type Shuffled struct {
	Format       string         `json:"format"`
	Event        ticket.EventID `json:"event"`
	Commitment   string         `json:"commitment"` // SHA-256("conting queue seed v1\n" EVENT "\n" SEED "\n"), the seed in hexadecimal
	Seed         string         `json:"seed"`       // empty until the room is open
	BeaconSource string         `json:"beacon_source"`
	Beacon       string         `json:"beacon"`
	People       uint32         `json:"people"`
	List         string         `json:"list"`   // see [ListHash]
	Sealed       int64          `json:"sealed"` // Unix ms
	Opened       int64          `json:"opened"` // Unix ms; 0 until then
	Key          string         `json:"key"`
	Signature    string         `json:"signature"` // Ed25519, over the line without it; see [Shuffled.signed]
}

// signed is what the signature is over: the format and the other values in their
// order, each on a line of its own, texts in quotes as JSON has them.
func (s *Shuffled) signed() []byte {
	quote := func(v string) []byte {
		b, _ := json.Marshal(v) // a string always can be
		return b
	}
	return fmt.Appendf(nil, "%s\n%s\n%s\n%s\n%s\n%s\n%d\n%s\n%d\n%d\n%s\n", s.Format, s.Event, s.Commitment, s.Seed,
		quote(s.BeaconSource), quote(s.Beacon), s.People, s.List, s.Sealed, s.Opened, s.Key)
}

// entriesPage is how many entries are read from the store at once.
const entriesPage = 4096

// WriteShuffle writes the event's shuffle file. Before the list of the lobby is
// fixed the error wraps [ErrNotSealed]; until the room is open the seed is missing.
// Nothing has been written when the error wraps one of this package's.
func (q *Queue) WriteShuffle(ctx context.Context, event ticket.EventID, w io.Writer) error {
	r, err := q.room(event)
	if err != nil {
		return err
	}
	row := r.row()
	if row.Sealed.IsZero() {
		return fmt.Errorf("event %s: %w", event, ErrNotSealed)
	}
	hash := row.Commitment()
	s := Shuffled{
		Format: shuffleFormat, Event: event, Commitment: hex.EncodeToString(hash[:]), BeaconSource: row.Settings.BeaconSource,
		People: row.People, List: hex.EncodeToString(row.List[:]), Sealed: row.Sealed.UnixMilli(), Key: q.ReceiptKey(),
	}
	if !row.Opened.IsZero() {
		s.Seed, s.Beacon, s.Opened = hex.EncodeToString(row.Seed[:]), row.Beacon, row.Opened.UnixMilli()
	}
	s.Signature = hex.EncodeToString(ed25519.Sign(q.signer, s.signed()))
	line, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("shuffle file: %w", err)
	}
	out := bufio.NewWriterSize(w, 64<<10)
	text := append(line, '\n')
	for after := 0; ; {
		if _, err := out.Write(text); err != nil {
			return fmt.Errorf("write shuffle file: %w", err)
		}
		if after >= int(row.People) {
			break
		}
		page, err := q.cfg.Store.Entries(ctx, event, after, entriesPage)
		if err != nil || len(page) == 0 {
			return errors.Join(errors.New("the list of the lobby ends early"), err)
		}
		after += len(page)
		text = text[:0]
		for i := range page {
			text = append(hex.AppendEncode(text, page[i][:]), '\n')
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write shuffle file: %w", err)
	}
	return nil
}

// Verified is a shuffle file that holds: nobody is in the list twice, it has the
// hash, the seed the commitment, and the key signed both. Whether commitment, key
// and, with a beacon, hash are those that were shown beforehand, and the beacon what
// its source published, only whoever kept or asks for those can say.
type Verified struct {
	Shuffled

	keys  []Key
	order *order // nil without a seed
}

// Open reports whether the file has the seed, and so an order.
func (v *Verified) Open() bool { return v.order != nil }

// Order returns the numbers in the order in which they were admitted; nil before
// the opening.
func (v *Verified) Order() []uint32 {
	if v.order == nil {
		return nil
	}
	return v.order.numbers
}

// Rank verifies a receipt against the file, and returns its rank. Numbers after the
// lobby's are their own rank. Before the opening the rank is 0.
func (v *Verified) Rank(text string) (r Receipt, rank uint32, err error) {
	key, err := hex.DecodeString(v.Key)
	if err != nil {
		return r, 0, fmt.Errorf("key: %w", ErrShuffle)
	}
	if r, err = ParseReceipt(strings.TrimSpace(text), key); err != nil {
		return r, 0, err
	}
	switch {
	case r.Event != v.Event:
		return r, 0, fmt.Errorf("the receipt is about event %s: %w", r.Event, ErrShuffle)
	case r.Number >= 1 && r.Number <= v.People && v.keys[r.Number-1] == Key{}:
		return r, 0, fmt.Errorf("number %d is nobody's in the list; unless they gave it up and have another: %w", r.Number, ErrShuffle)
	case r.Number >= 1 && r.Number <= v.People && v.keys[r.Number-1] != r.Key:
		return r, 0, fmt.Errorf("number %d is %s in the list and %s in the receipt: %w", r.Number, v.keys[r.Number-1], r.Key, ErrShuffle)
	case v.order == nil:
		return r, 0, nil
	}
	return r, v.order.rank(r.Number), nil
}

// VerifyShuffle reads a shuffle file and recomputes everything in it. Whoever made
// it is not trusted: the error wraps [ErrShuffle] where something does not hold.
func VerifyShuffle(from io.Reader) (*Verified, error) {
	in := bufio.NewReaderSize(from, maxHeader)
	line, err := in.ReadSlice('\n')
	if err != nil {
		return nil, fmt.Errorf("there is no first line of at most %d bytes: %w", maxHeader, ErrShuffle)
	}
	v := &Verified{}
	dec := json.NewDecoder(strings.NewReader(string(line)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v.Shuffled); err != nil || v.Format != shuffleFormat {
		return nil, fmt.Errorf("the first line is not that of a %s file: %w", shuffleFormat, ErrShuffle)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("something follows the JSON on the first line: %w", ErrShuffle)
	}
	if v.People > MaxPeople {
		return nil, fmt.Errorf("it says %d people, at most %d can be: %w", v.People, MaxPeople, ErrShuffle)
	}
	if err := v.readKeys(in); err != nil {
		return nil, err
	}
	return v, v.check()
}

func (v *Verified) readKeys(in *bufio.Reader) error {
	for range v.People {
		line, err := in.ReadSlice('\n')
		var k Key
		if err != nil || len(line) != 2*len(k)+1 {
			return fmt.Errorf("line %d is not 32 hexadecimal digits: %w", len(v.keys)+2, ErrShuffle)
		}
		if _, err := hex.Decode(k[:], line[:2*len(k)]); err != nil {
			return fmt.Errorf("line %d is not 32 hexadecimal digits: %w", len(v.keys)+2, ErrShuffle)
		}
		v.keys = append(v.keys, k)
	}
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("something follows the last of %d lines: %w", v.People+1, ErrShuffle)
	}
	return v.once()
}

// once sees to it that nobody has two chances.
func (v *Verified) once() error {
	sorted := slices.Clone(v.keys)
	slices.SortFunc(sorted, func(a, b Key) int { return bytes.Compare(a[:], b[:]) })
	for i := 1; i < len(sorted); i++ {
		if sorted[i] == sorted[i-1] && sorted[i] != (Key{}) {
			return fmt.Errorf("%s is in the list twice: %w", sorted[i], ErrShuffle)
		}
	}
	return nil
}

func (v *Verified) check() error {
	key, err := hex.DecodeString(v.Key)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return fmt.Errorf("its key is no Ed25519 key: %w", ErrShuffle)
	}
	signature, err := hex.DecodeString(v.Signature)
	if err != nil || !ed25519.Verify(key, v.signed(), signature) {
		return fmt.Errorf("the signature is not its key's: %w", ErrShuffle)
	}
	if sum, err := hex.DecodeString(v.Commitment); err != nil || len(sum) != sha256.Size {
		return fmt.Errorf("its commitment is not 64 hexadecimal digits: %w", ErrShuffle)
	}
	list := ListHash(v.Event, v.keys)
	if hex.EncodeToString(list[:]) != v.List {
		return fmt.Errorf("the list has another hash: %w", ErrShuffle)
	}
	if v.Opened == 0 && v.Seed == "" {
		return nil
	}
	raw, err := hex.DecodeString(v.Seed)
	if err != nil || len(raw) != 32 {
		return fmt.Errorf("its seed is not 64 hexadecimal digits: %w", ErrShuffle)
	}
	seed := [32]byte(raw)
	if sum := commitment(v.Event, seed); hex.EncodeToString(sum[:]) != v.Commitment {
		return fmt.Errorf("the seed is not the one that was committed to: %w", ErrShuffle)
	}
	v.order = newOrder(Room{Event: v.Event, Seed: seed, List: list, Beacon: v.Beacon, People: v.People})
	return nil
}

// SealedAt is when the list was fixed.
func (v *Verified) SealedAt() time.Time { return time.UnixMilli(v.Sealed) }
