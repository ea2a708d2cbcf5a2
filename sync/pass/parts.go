package pass

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/ticket"
)

// A presentation of credentials is too long for one QR code. The wallet packs it,
// splits what it packed into parts and shows them one after the other, over and
// over; a gate reads them in any order.
const (
	// MaxPacked is the most bytes of a packed presentation.
	MaxPacked = 2 << 10
	// MaxParts is the most parts of one presentation.
	MaxParts = 16
	// MaxPartData is the most bytes of the presentation in one part, so that its
	// code is of version 8 at most.
	MaxPartData = 150
)

const setSize = 4

// ErrParts says that parts do not belong together. The holder shows them again.
var ErrParts = errors.New("parts are not of one presentation")

// Part is one part of a packed presentation. Nothing in it has been verified; the
// set tells presentations apart and finds reading errors, it is no proof.
type Part struct {
	Set   [setSize]byte // the first bytes of the SHA-256 of the whole
	Index uint8         // from 0
	Total uint8         // 1 to MaxParts
	Data  []byte        // 1 to MaxPartData bytes
}

// wirePart is the body of a part's text: a CBOR array in this order.
type wirePart struct {
	_     struct{} `cbor:",toarray"`
	Set   [setSize]byte
	Index uint8
	Total uint8
	Data  []byte
}

// Split returns the texts of a packed presentation's parts, in order: as few parts
// as [MaxPartData] allows, each but the last of the same length, rounded up.
// Errors wrap [ticket.ErrInvalid].
func Split(packed []byte) ([]string, error) {
	if len(packed) == 0 || len(packed) > MaxPacked {
		return nil, fmt.Errorf("presentation of %d bytes, want 1 to %d: %w", len(packed), MaxPacked, ticket.ErrInvalid)
	}
	total := (len(packed) + MaxPartData - 1) / MaxPartData
	size := (len(packed) + total - 1) / total
	texts := make([]string, 0, total)
	for data := range slices.Chunk(packed, size) {
		t, err := sealText(prefixPart, wirePart{
			Set: setOf(packed), Index: uint8(len(texts)), Total: uint8(total), Data: data, // #nosec G115 -- at most MaxParts
		})
		if err != nil {
			return nil, err
		}
		texts = append(texts, t)
	}
	return texts, nil
}

func setOf(packed []byte) [setSize]byte {
	sum := sha256.Sum256(packed)
	return [setSize]byte(sum[:setSize])
}

// ParsePart reads the text of a part. The error wraps [ErrForeign] for another
// text, or [ErrMalformed].
func ParsePart(text string) (Part, error) {
	if len(text) < prefixLen || text[:prefixLen] != prefixPart {
		return Part{}, fmt.Errorf("not a part of a presentation: %w", ErrForeign)
	}
	if len(text) > MaxText {
		return Part{}, fmt.Errorf("part of %d characters: %w", len(text), ErrMalformed)
	}
	body, err := decodeBase45(text[prefixLen:])
	if err != nil {
		return Part{}, fmt.Errorf("part, not base45; scan it again: %w: %w", ErrMalformed, err)
	}
	var w wirePart
	if err := canon.UnmarshalExact(body, &w); err != nil {
		return Part{}, fmt.Errorf("part: %w: %w", ErrMalformed, err)
	}
	switch {
	case w.Total == 0 || w.Total > MaxParts || w.Index >= w.Total:
		return Part{}, fmt.Errorf("part %d of %d, the most is %d: %w", w.Index, w.Total, MaxParts, ErrMalformed)
	case len(w.Data) == 0 || len(w.Data) > MaxPartData:
		return Part{}, fmt.Errorf("part of %d bytes, want 1 to %d: %w", len(w.Data), MaxPartData, ErrMalformed)
	}
	return Part{Set: w.Set, Index: w.Index, Total: w.Total, Data: w.Data}, nil
}
