package surge

import (
	"bytes"
	"strconv"
)

// member finds a whole number in a flat JSON object without reading it all: polls are many.
func member(body []byte, name string) (int64, bool) {
	var key [24]byte
	k := append(append(append(key[:0], '"'), name...), `":`...)
	at := bytes.Index(body, k)
	if at < 0 {
		return 0, false
	}
	rest := bytes.TrimLeft(body[at+len(k):], " ")
	end := 0
	for end < len(rest) && end < 19 && (rest[end] >= '0' && rest[end] <= '9') {
		end++
	}
	n, err := strconv.ParseInt(string(rest[:end]), 10, 64)
	if err != nil {
		return 0, false
	}
	return n, true
}

// text finds a string in a flat JSON object, if it has no escapes.
func text(body []byte, name string) []byte {
	var key [24]byte
	k := append(append(append(key[:0], '"'), name...), `":`...)
	_, rest, ok := bytes.Cut(body, k)
	if rest = bytes.TrimLeft(rest, " "); !ok || len(rest) == 0 || rest[0] != '"' {
		return nil
	}
	value, _, ok := bytes.Cut(rest[1:], []byte{'"'})
	if !ok || bytes.IndexByte(value, '\\') >= 0 {
		return nil
	}
	return value
}
