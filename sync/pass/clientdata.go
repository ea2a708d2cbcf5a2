package pass

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// shape says how the client data ends. Browsers serialise it in few ways (WebAuthn
// Level 3, section 5.8.1.1), so that one byte is enough for nearly all of them.
type shape uint8

// The shapes. Their numbers stand in passes and never change.
const (
	shapeStandard shape = iota // as the specification writes it
	shapeBare                  // WebKit: no crossOrigin member
	shapeGrease                // Chromium, at random, to keep verifiers honest
	shapePlay                  // older Chrome on Android, through Play services
	shapeTail                  // anything else: the tail is carried
	shapeEscaped               // the same, after an origin with escaped slashes
)

// MaxTail is the longest carried end of client data, in bytes.
const MaxTail = 300

// tails are the ends of the known shapes.
var tails = [...]string{
	shapeStandard: `,"crossOrigin":false}`,
	shapeBare:     `}`,
	shapeGrease:   `,"crossOrigin":false,"other_keys_can_be_added_here":"do not compare clientDataJSON against a template. See https://goo.gl/yabPex"}`,
	shapePlay:     `,"androidPackageName":"com.android.chrome"}`,
}

// escaped reports whether the origin's slashes are written as "\/".
func (s shape) escaped() bool { return s == shapePlay || s == shapeEscaped }

// tailOf returns how client data of the shape ends.
func (s shape) tailOf(carried []byte) []byte {
	if int(s) < len(tails) {
		return []byte(tails[s])
	}
	return carried
}

// check reports a shape and tail that no wallet writes, or that say something a
// gate does not accept.
func (s shape) check(tail []byte) error {
	if int(s) < len(tails) {
		if tail == nil || len(tail) != 0 {
			return fmt.Errorf("client data of shape %d carries a tail", s)
		}
		return nil
	}
	if s > shapeEscaped {
		return fmt.Errorf("client data of unknown shape %d", s)
	}
	for known, end := range tails {
		if string(tail) == end && shape(known).escaped() == s.escaped() { // #nosec G115 -- index of a short table
			return fmt.Errorf("client data of shape %d carries a known tail", s)
		}
	}
	return checkTail(tail)
}

// classify finds the shape of an end of client data.
func classify(end []byte, escaped bool) (shape, []byte, error) {
	for known, tail := range tails {
		if s := shape(known); string(end) == tail && s.escaped() == escaped { // #nosec G115 -- index of a short table
			return s, []byte{}, nil
		}
	}
	s := shapeTail
	if escaped {
		s = shapeEscaped
	}
	return s, end, checkTail(end)
}

// appendHead writes client data up to and including the origin: the order that
// the specification fixes, so that no JSON needs to be understood.
func appendHead(dst, challenge []byte, origin string) []byte {
	dst = append(dst, `{"type":"webauthn.get","challenge":"`...)
	dst = base64.RawURLEncoding.AppendEncode(dst, challenge)
	dst = append(dst, `","origin":"`...)
	dst = append(dst, origin...)
	return append(dst, '"')
}

var (
	errTail    = errors.New("client data does not end as JSON")
	errTwice   = errors.New("client data says a thing twice")
	errOrigins = errors.New("client data is of another site's frame")
)

// checkTail reads the members that follow the origin. They must be JSON without
// duplicate names, and must not say that the page was inside another site's.
func checkTail(tail []byte) error {
	if len(tail) == 0 || len(tail) > MaxTail || !utf8.Valid(tail) {
		return errTail
	}
	if string(tail) == "}" {
		return nil
	}
	if tail[len(tail)-1] != '}' || !bytes.HasPrefix(tail, []byte(`,"`)) {
		return errTail
	}
	members, err := readAll(append([]byte{'{'}, tail[1:]...), map[string]bool{"type": true, "challenge": true, "origin": true})
	if err != nil {
		return err
	}
	if cross, ok := members["crossOrigin"]; ok && cross != false {
		return errOrigins
	}
	if _, ok := members["topOrigin"]; ok {
		return errOrigins
	}
	return nil
}

// ClientDataMembers reads client data of any ceremony (WebAuthn Level 3, section
// 5.8.1) as one JSON object in UTF-8 without repeated names or anything behind it,
// and returns its plain members; what is nested stands there as its first
// delimiter. It judges none of them, and the caller bounds the size. The error
// wraps [ErrMalformed].
func ClientDataMembers(data []byte) (map[string]any, error) {
	if len(data) == 0 || !utf8.Valid(data) || data[0] != '{' {
		return nil, fmt.Errorf("%w: client data is no JSON object", ErrMalformed)
	}
	members, err := readAll(data, map[string]bool{})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return members, nil
}

// maxDepth is how deep client data may nest.
const maxDepth = 4

// readAll reads one object and nothing after it. None of its names may be among
// those that were seen.
func readAll(object []byte, seen map[string]bool) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(object))
	d.UseNumber()
	members, err := readObject(d, seen, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errTail
	}
	return members, nil
}

// readObject reads an object and everything in it, and returns its plain members.
func readObject(d *json.Decoder, seen map[string]bool, depth int) (map[string]any, error) {
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errTail
	}
	return readMembers(d, seen, depth)
}

func readMembers(d *json.Decoder, seen map[string]bool, depth int) (map[string]any, error) {
	if depth > maxDepth {
		return nil, errTail
	}
	members := map[string]any{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, errTail
		}
		if seen[name] {
			return nil, errTwice
		}
		seen[name] = true
		if members[name], err = readValue(d, depth); err != nil {
			return nil, err
		}
	}
	if t, err := d.Token(); err != nil || t != json.Delim('}') {
		return nil, errTail
	}
	return members, nil
}

func readValue(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, errTail
	}
	switch t {
	case json.Delim('{'):
		return t, nested(d, depth+1)
	case json.Delim('['):
		if depth >= maxDepth {
			return nil, errTail
		}
		for d.More() {
			if _, err := readValue(d, depth+1); err != nil {
				return nil, err
			}
		}
		if end, err := d.Token(); err != nil || end != json.Delim(']') {
			return nil, errTail
		}
	}
	return t, nil
}

func nested(d *json.Decoder, depth int) error {
	_, err := readMembers(d, map[string]bool{}, depth)
	return err
}
