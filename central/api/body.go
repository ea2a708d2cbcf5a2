package api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/sync/ticket"
)

// maxBody is the most that any request but an import may send, in bytes.
const maxBody = 64 << 10

// readBody returns the whole body, which must be JSON of at most limit bytes.
func readBody(c *gin.Context, limit int64) ([]byte, error) {
	kind, _, err := mime.ParseMediaType(c.GetHeader("Content-Type"))
	if err != nil || kind != "application/json" {
		return nil, codeError("unsupported_media_type")
	}
	b, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, limit))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, err
	case err != nil:
		return nil, codeError("malformed_body")
	}
	return b, nil
}

// decode reads a body of JSON into v: one value, no unknown key, valid UTF-8.
func decode(c *gin.Context, v any) error {
	b, err := readBody(c, maxBody)
	if err != nil {
		return err
	}
	return decodeJSON(b, v)
}

func decodeJSON(b []byte, v any) error {
	if !utf8.Valid(b) {
		return &detailError{code: "malformed_body", detail: "the body is not UTF-8"}
	}
	if string(bytes.TrimSpace(b)) == "null" { // which Go takes for an object with nothing in it
		return &detailError{code: "malformed_body", detail: "the body is null"}
	}
	if hasNone(b) {
		return &detailError{code: "malformed_body", detail: "a text has the character U+0000"}
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	var (
		syntax *json.SyntaxError
		wrong  *json.UnmarshalTypeError
	)
	switch {
	case err == nil:
	case errors.As(err, &syntax):
		return &detailError{code: "malformed_body", detail: fmt.Sprintf("not JSON at byte %d", syntax.Offset)}
	case errors.As(err, &wrong):
		return &detailError{code: "malformed_body", detail: fmt.Sprintf("%q is a %s", wrong.Field, wrong.Value), hint: "want " + jsonKind(wrong.Type.Kind().String())}
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		return &detailError{code: "malformed_body", detail: "unknown key " + strings.TrimPrefix(err.Error(), "json: unknown field ")}
	case errors.Is(err, ticket.ErrInvalid):
		return err
	default:
		return codeError("malformed_body")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return &detailError{code: "malformed_body", detail: "something follows the JSON value"}
	}
	return nil
}

// hasNone reports whether a text in JSON has the character of none, which PostgreSQL
// does not keep. As a byte it is no JSON; escaped it is.
func hasNone(b []byte) bool {
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' {
			continue
		}
		i++
		if bytes.HasPrefix(b[i:], []byte("u0000")) {
			return true
		}
	}
	return false
}

// jsonKind names a Go kind as a writer of JSON knows it.
func jsonKind(kind string) string {
	switch {
	case strings.HasPrefix(kind, "uint"):
		return "a whole number that fits " + kind
	case strings.HasPrefix(kind, "int"):
		return "a whole number"
	case kind == "bool":
		return "true or false"
	case kind == "slice" || kind == "array":
		return "an array, or base64url without padding for bytes"
	case kind == "struct" || kind == "map":
		return "an object"
	}
	return "a " + kind
}

// bytes64 is bytes that travel as unpadded base64url.
type bytes64 []byte

// MarshalText writes unpadded base64url.
func (b bytes64) MarshalText() ([]byte, error) {
	return []byte(base64.RawURLEncoding.EncodeToString(b)), nil
}

// UnmarshalText reads unpadded base64url and nothing else.
func (b *bytes64) UnmarshalText(text []byte) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(string(text))
	if err != nil {
		return fmt.Errorf("want base64url without padding: %w", ticket.ErrInvalid)
	}
	*b = raw
	return nil
}

// eventParam is the event in the path.
func eventParam(c *gin.Context) (ticket.EventID, error) {
	id, err := ticket.ParseEventID(c.Param("event"))
	if err != nil {
		return 0, codeError("unknown_event")
	}
	return id, nil
}

// Pages.
const (
	defaultLimit = 100
	maxLimit     = 500
	maxCursor    = 192 // bytes; the longest key has a ticket, an event and a transaction
)

// page reads ?limit= and ?cursor=. A cursor is the last key of the page before,
// in base64url so that nobody computes with it.
func page(c *gin.Context) (after string, limit int, err error) {
	limit = defaultLimit
	if s := c.Query("limit"); s != "" {
		if limit, err = strconv.Atoi(s); err != nil || limit < 1 || limit > maxLimit {
			return "", 0, codeError("invalid_cursor")
		}
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(c.Query("cursor"))
	if err != nil || len(raw) > maxCursor || !text(string(raw)) {
		return "", 0, codeError("invalid_cursor")
	}
	return string(raw), limit, nil
}

// numberPage is page for keys that are numbers of at most bits bits.
func numberPage(c *gin.Context, bits int) (after uint64, limit int, err error) {
	s, limit, err := page(c)
	if err != nil || s == "" {
		return 0, limit, err
	}
	if after, err = strconv.ParseUint(s, 10, bits); err != nil {
		return 0, 0, codeError("invalid_cursor")
	}
	return after, limit, nil
}

// next is the cursor after a page that ended with key; none after a short page.
func next(count, limit int, key string) string {
	if count < limit {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString([]byte(key))
}
