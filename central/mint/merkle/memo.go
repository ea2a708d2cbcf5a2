package merkle

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/con-ting/conting/sync/ticket"
)

// MaxMemo is the longest memo of a root, in bytes.
const MaxMemo = 128

// memoHead begins every memo of a root; the number is the format's.
const memoHead = "conting:set:1:"

// Memo is what stands on chain for a set: conting:set:1:<event>:<version>:<root>, the
// numbers in decimal and the root in unpadded base64url.
type Memo struct {
	Set  Set
	Root Hash
}

// String returns the memo's text.
func (m Memo) String() string {
	return memoHead + m.Set.Event.String() + ":" + strconv.FormatUint(m.Set.Version, 10) + ":" +
		base64.RawURLEncoding.EncodeToString(m.Root[:])
}

// ParseMemo reads what [Memo.String] wrote; each memo has one spelling. The error is
// [ErrMemo].
func ParseMemo(s string) (Memo, error) {
	rest, ok := strings.CutPrefix(s, memoHead)
	if !ok || len(s) > MaxMemo {
		return Memo{}, ErrMemo
	}
	parts := strings.Split(rest, ":")
	if len(parts) != 3 {
		return Memo{}, fmt.Errorf("%w: %d parts", ErrMemo, len(parts))
	}
	event, err := ticket.ParseEventID(parts[0])
	if err != nil {
		return Memo{}, fmt.Errorf("%w: event", ErrMemo)
	}
	version, err := strconv.ParseUint(parts[1], 10, 64)
	if err != nil {
		return Memo{}, fmt.Errorf("%w: version", ErrMemo)
	}
	root, ok := decodeHash(parts[2])
	if !ok {
		return Memo{}, fmt.Errorf("%w: root", ErrMemo)
	}
	m := Memo{Set: Set{Event: event, Version: version}, Root: root}
	if m.String() != s {
		return Memo{}, fmt.Errorf("%w: another spelling of it", ErrMemo)
	}
	return m, nil
}
