package account

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// MaxClientData is the longest client data that is read, in bytes.
const MaxClientData = 2 << 10

// checkCreated reads the client data of a registration (WebAuthn Level 3, sections
// 5.8.1 and 7.1): made for this challenge and origin, and not inside another
// site's frame. Members that nobody here knows are passed over; one that stands
// twice is refused. No signature covers it where attestation is none, so nothing
// is kept of it.
func checkCreated(data, challenge []byte, origin string) error {
	m, err := readClientData(data)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPasskey, err)
	}
	bad := func(what string) error { return fmt.Errorf("client data is %s: %w", what, ErrPasskey) }
	switch {
	case m["type"] != "webauthn.create":
		return bad("not of a registration")
	case m["challenge"] != base64.RawURLEncoding.EncodeToString(challenge):
		return bad("of another challenge")
	case m["origin"] != origin:
		return bad("of another origin")
	}
	if cross, ok := m["crossOrigin"]; ok && cross != false {
		return bad("of another site's frame")
	}
	if _, ok := m["topOrigin"]; ok {
		return bad("of another site's frame")
	}
	return nil
}

var errClientData = errors.New("client data is not one JSON object without repetitions")

// readClientData reads an object and returns its plain members; what is nested
// stands there as its first delimiter.
func readClientData(data []byte) (map[string]any, error) {
	if len(data) == 0 || len(data) > MaxClientData || !utf8.Valid(data) || data[0] != '{' {
		return nil, errClientData
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if _, err := d.Token(); err != nil {
		return nil, errClientData
	}
	members, err := readMembers(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errClientData
	}
	return members, nil
}

// maxDepth is how deep client data may nest.
const maxDepth = 4

func readMembers(d *json.Decoder, depth int) (map[string]any, error) {
	if depth > maxDepth {
		return nil, errClientData
	}
	members := map[string]any{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, errClientData
		}
		if _, twice := members[name]; twice {
			return nil, errClientData
		}
		if members[name], err = readValue(d, depth); err != nil {
			return nil, err
		}
	}
	if t, err := d.Token(); err != nil || t != json.Delim('}') {
		return nil, errClientData
	}
	return members, nil
}

func readValue(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, errClientData
	}
	switch t {
	case json.Delim('{'):
		_, err := readMembers(d, depth+1)
		return t, err
	case json.Delim('['):
		if depth >= maxDepth {
			return nil, errClientData
		}
		for d.More() {
			if _, err := readValue(d, depth+1); err != nil {
				return nil, err
			}
		}
		if end, err := d.Token(); err != nil || end != json.Delim(']') {
			return nil, errClientData
		}
	}
	return t, nil
}
