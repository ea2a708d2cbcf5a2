package pass

import (
	"fmt"

	"github.com/con-ting/conting/sync/canon"
)

// The bodies and the codec, for tests that forge passes.
type (
	WireRotating   = wireRotating
	WireChallenge  = wireChallenge
	WireAccredited = wireAccredited
	WireNonce      = wireNonce
	WirePart       = wirePart
)

// The shapes that carry a tail.
const (
	ShapeTail    = shapeTail
	ShapeEscaped = shapeEscaped
)

// Tails are the ends of the known shapes.
func Tails() []string { return tails[:] }

// AppendBase45 and DecodeBase45 are the package's own.
var (
	AppendBase45 = appendBase45
	DecodeBase45 = decodeBase45
	CheckTail    = checkTail
)

// Body returns the bytes that a text carries.
func Body(text string) ([]byte, error) {
	if len(text) < prefixLen {
		return nil, fmt.Errorf("%q has no prefix", text)
	}
	return decodeBase45(text[prefixLen:])
}

// Text puts a body behind the prefix of a text.
func Text(like string, body []byte) string { return text(like[:prefixLen], body) }

// Open decodes the body of a text without any of Parse's checks.
func Open(text string, v any) error {
	b, err := Body(text)
	if err != nil {
		return err
	}
	return canon.Unmarshal(b, v)
}

// Close is the other way round.
func Close(like string, v any) (string, error) {
	b, err := canon.Marshal(v)
	return Text(like, b), err
}

// Encode writes a parsed pass again.
func (p *Pass) Encode() (string, error) {
	switch p.Form {
	case Paper:
		return PaperText(p.Carried), nil
	case Rotating:
		return sealText(prefixRotating, p.rotating)
	case Challenge:
		return sealText(prefixChallenge, p.challenge)
	case Accredited:
		return sealText(prefixAccredited, p.accredited)
	}
	return "", fmt.Errorf("%s", p.Form)
}
