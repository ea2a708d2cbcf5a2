package trust

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/con-ting/conting/sync/canon"
)

// MaxRoots is the most roots an anchor may have and a list may be signed by.
const MaxRoots = 16

// listContext separates trust lists from everything else that is signed.
const listContext Context = "conting/trust/v1"

// Anchor is where trust begins: the roots that a device was enrolled with, and
// how many of them must sign a list.
type Anchor struct {
	Threshold int
	Roots     []PublicKey
}

// wireAnchor is the encoding of an Anchor.
type wireAnchor struct {
	_         struct{} `cbor:",toarray"`
	Threshold int
	Roots     []PublicKey
}

// Check reports an anchor that no list could satisfy, or that any would. The
// error wraps [ErrInvalid].
func (a Anchor) Check() error {
	if len(a.Roots) == 0 || len(a.Roots) > MaxRoots {
		return fmt.Errorf("anchor with %d roots, want 1 to %d: %w", len(a.Roots), MaxRoots, ErrInvalid)
	}
	if a.Threshold < 1 || a.Threshold > len(a.Roots) {
		return fmt.Errorf("anchor asks for %d of %d roots: %w", a.Threshold, len(a.Roots), ErrInvalid)
	}
	for i, k := range a.Roots {
		if k.IsZero() || slices.Contains(a.Roots[:i], k) {
			return fmt.Errorf("anchor root %d is missing or stands twice: %w", i, ErrInvalid)
		}
	}
	return nil
}

// Encode returns the anchor's canonical bytes, for a device to pin.
func (a Anchor) Encode() ([]byte, error) {
	if err := a.Check(); err != nil {
		return nil, err
	}
	return canon.Marshal(wireAnchor{Threshold: a.Threshold, Roots: a.Roots})
}

// ParseAnchor reads what [Anchor.Encode] wrote. Errors wrap [ErrMalformed] or
// [ErrInvalid].
func ParseAnchor(data []byte) (Anchor, error) {
	const most = 16 + MaxRoots*48
	if len(data) > most {
		return Anchor{}, fmt.Errorf("anchor of %d bytes: %w", len(data), ErrMalformed)
	}
	var w wireAnchor
	if err := canon.UnmarshalExact(data, &w); err != nil {
		return Anchor{}, fmt.Errorf("anchor: %w: %w", ErrMalformed, err)
	}
	a := Anchor{Threshold: w.Threshold, Roots: w.Roots}
	if err := a.Check(); err != nil {
		return Anchor{}, err
	}
	return a, nil
}

// SignList returns the list as a COSE_Sign (RFC 9052, section 4.1; tag 98) with
// one signature of each root.
func SignList(l List, roots ...Signer) ([]byte, error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	if len(roots) == 0 || len(roots) > MaxRoots {
		return nil, fmt.Errorf("%d roots sign the trust list, want 1 to %d: %w", len(roots), MaxRoots, ErrInvalid)
	}
	payload, err := canon.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("encode trust list: %w", err)
	}
	sorted := slices.SortedFunc(slices.Values(roots), func(a, b Signer) int {
		x, y := a.Public().ID(), b.Public().ID()
		return bytes.Compare(x[:], y[:])
	})
	out := append([]byte(nil), tagSign[:]...)
	out = append(out, arrayOf4, byteString, emptyMap)
	out = appendBytes(out, payload)
	out = append(out, array|byte(len(sorted))) // #nosec G115 -- at most MaxRoots
	for i, s := range sorted {
		key := s.Public()
		if key.IsZero() || i > 0 && sorted[i-1].Public().ID() == key.ID() {
			return nil, fmt.Errorf("root %s is missing or stands twice: %w", key, ErrInvalid)
		}
		sig, err := s.Sign(listToBeSigned(key.Algorithm(), key.ID(), payload))
		if err != nil {
			return nil, err
		}
		if len(sig) != signatureSize {
			return nil, fmt.Errorf("signature of %d bytes, want %d: %w", len(sig), signatureSize, ErrInvalid)
		}
		out = append(out, arrayOf3)
		out = appendHeaders(out, key.Algorithm(), key.ID())
		out = appendBytes(out, sig)
	}
	if len(out) > MaxList {
		return nil, fmt.Errorf("trust list of %d bytes, the most is %d: %w", len(out), MaxList, ErrTooLarge)
	}
	return out, nil
}

// Open verifies and reads a signed trust list. Signatures of keys that are not
// roots here do not count; a wrong signature of one that is spoils the list. The
// error wraps [ErrTooLarge], [ErrMalformed], [ErrBadSignature], [ErrThreshold],
// [ErrInvalid] or [ErrExpired]. A list that says it was issued after now is taken:
// a device whose clock has stopped must still be able to start.
//
// Open does not know which list came before; see [List.Supersedes].
func (a Anchor) Open(data []byte, now time.Time) (*List, error) {
	if err := a.Check(); err != nil {
		return nil, err
	}
	payload, err := a.verify(data)
	if err != nil {
		return nil, fmt.Errorf("trust list: %w", err)
	}
	return readList(payload, now)
}

// readList reads what the roots have signed.
func readList(payload []byte, now time.Time) (*List, error) {
	l := new(List)
	if err := canon.UnmarshalExact(payload, l); err != nil {
		return nil, fmt.Errorf("trust list: %w: %w", ErrMalformed, err)
	}
	if err := l.Check(); err != nil {
		return nil, err
	}
	if now.Unix() >= l.Expires {
		return nil, fmt.Errorf("trust list %d ended at %s: %w", l.Version, stamp(l.Expires), ErrExpired)
	}
	return l, nil
}

func (a Anchor) verify(data []byte) (payload []byte, err error) {
	if len(data) > MaxList {
		return nil, fmt.Errorf("%d bytes, the most is %d: %w", len(data), MaxList, ErrTooLarge)
	}
	r := reader{rest: data}
	r.expect(tagSign[0], tagSign[1], arrayOf4, byteString, emptyMap)
	payload = r.bytes()
	n := r.count(MaxRoots)
	var last KeyID
	good := 0
	for i := range n {
		r.expect(arrayOf3)
		alg, id := r.headers()
		sig := r.bytes()
		if r.failed || len(sig) != signatureSize || i > 0 && bytes.Compare(last[:], id[:]) >= 0 {
			return nil, ErrMalformed
		}
		last = id
		at := slices.IndexFunc(a.Roots, func(k PublicKey) bool { return k.Algorithm() == alg && k.ID() == id })
		if at < 0 {
			continue
		}
		if !a.Roots[at].Verify(listToBeSigned(alg, id, payload), sig) {
			return nil, fmt.Errorf("root %s: %w", a.Roots[at], ErrBadSignature)
		}
		good++
	}
	if r.failed || n == 0 || len(r.rest) != 0 {
		return nil, ErrMalformed
	}
	if good < a.Threshold {
		return nil, fmt.Errorf("signed by %d roots of ours, want %d: %w", good, a.Threshold, ErrThreshold)
	}
	return payload, nil
}

// listToBeSigned is the Sig_structure of RFC 9052, section 4.4, for one signer of
// a COSE_Sign without body headers.
func listToBeSigned(alg Algorithm, id KeyID, payload []byte) []byte {
	const name = "Signature"
	b := make([]byte, 0, len(name)+len(listContext)+len(payload)+protectedSize+16)
	b = append(b, arrayOf5, textString|byte(len(name)))
	b = append(b, name...)
	b = append(b, byteString)
	b = appendProtected(b, alg, id)
	b = appendBytes(b, listContext)
	return appendBytes(b, payload)
}

// stamp writes Unix seconds for people.
func stamp(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.RFC3339) }
