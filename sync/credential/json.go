package credential

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// maxDepth is how deep the JSON of a credential may nest.
const maxDepth = 12

// vocabulary is every member name that this package reads with [unmarshal]. Go
// matches names without regard to case; with one spelling of each there is
// nothing to regard.
var vocabulary = []string{
	"alg", "kid", "typ",
	"iss", "sub", "jti", "aud", "nonce", "iat", "nbf", "exp", "vc", "vp",
	"@context", "type", "id", "issuer", "holder", "issuanceDate", "expirationDate",
	"credentialSubject", "credentialStatus", "verifiableCredential",
	"relation", "relative", "over", "role", "events", "class",
	"statusPurpose", "statusListIndex", "statusListCredential", "encodedList",
}

// unmarshal reads data strictly into v, a pointer to a struct: one JSON value of
// valid UTF-8 and nothing after it, no null, no member twice, none that v does not
// have, each spelled exactly. Errors wrap [ErrMalformed].
func unmarshal(data []byte, v any) error {
	if err := checkJSON(data, func(name string) bool { return slices.Contains(vocabulary, name) }); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return nil
}

// marshal writes JSON without the escapes for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// checkJSON refuses what two parsers could read differently: bytes that are not
// UTF-8, a member that stands twice, null, values after the first; and member
// names that are not known.
func checkJSON(data []byte, known func(name string) bool) error {
	if !utf8.Valid(data) {
		return fmt.Errorf("not UTF-8: %w", ErrMalformed)
	}
	w := walker{tokens: json.NewDecoder(bytes.NewReader(data)), known: known}
	w.tokens.UseNumber()
	if err := w.value(0); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if _, err := w.tokens.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("something after the JSON: %w", ErrMalformed)
	}
	return nil
}

type walker struct {
	tokens *json.Decoder
	known  func(name string) bool
}

func (w walker) value(depth int) error {
	t, err := w.tokens.Token()
	if err != nil {
		return err
	}
	if t == nil {
		return errors.New("null")
	}
	open, nests := t.(json.Delim)
	if !nests {
		return nil
	}
	if depth == maxDepth {
		return fmt.Errorf("nested deeper than %d", maxDepth)
	}
	seen := map[string]bool{}
	for w.tokens.More() {
		if open == '{' {
			if err := w.name(seen); err != nil {
				return err
			}
		}
		if err := w.value(depth + 1); err != nil {
			return err
		}
	}
	_, err = w.tokens.Token()
	return err
}

// name reads the name of the next member.
func (w walker) name(seen map[string]bool) error {
	t, err := w.tokens.Token()
	if err != nil {
		return err
	}
	name, _ := t.(string)
	if seen[name] {
		return fmt.Errorf("member %.40q stands twice", name)
	}
	if !w.known(name) {
		return fmt.Errorf("member %.40q is not known", name)
	}
	seen[name] = true
	return nil
}
