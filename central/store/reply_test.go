package store_test

import (
	"testing"
	"time"

	"github.com/con-ting/conting/central/store/storetest"
)

// A claim is one's own until it was abandoned or forgotten, whatever the key is.
func TestReplies(t *testing.T) { storetest.Each(t, replies) }

func replies(t *testing.T) {
	s, c := onSale(t)
	claim := func(key, request byte) (claimed bool, asked byte, status int, sealed string) {
		t.Helper()
		now := c.now()
		ok, was, status, body, err := s.ClaimReply(t.Context(), [32]byte{key}, [32]byte{request}, now.Add(-time.Minute), now.Add(-time.Hour))
		must(t, err)
		return ok, was[0], status, string(body)
	}
	want := func(key, request byte, claimed bool, asked byte, status int, sealed string) {
		t.Helper()
		if ok, was, is, body := claim(key, request); ok != claimed || !ok && (was != asked || is != status || body != sealed) {
			t.Errorf("claim of %d for %d = %t, %d, %d, %q; want %t, %d, %d, %q", key, request, ok, was, is, body, claimed, asked, status, sealed)
		}
	}
	for _, key := range []byte{1, 200} {
		want(key, 1, true, 0, 0, "")
		want(key, 1, false, 1, 0, "")
		c.advance(2 * time.Minute)
		want(key, 2, false, 1, 0, "") // it is another's
		want(key, 1, true, 0, 0, "")
		must(t, s.SaveReply(t.Context(), [32]byte{key}, 201, []byte("body")))
		c.advance(2 * time.Minute)
		want(key, 1, false, 1, 201, "body")
		if s.SaveReply(t.Context(), [32]byte{key}, 409, nil) == nil {
			t.Error("an answer was replaced")
		}
		must(t, s.DropReply(t.Context(), [32]byte{key}))
		want(key, 1, false, 1, 201, "body")
		c.advance(time.Hour)
		want(key, 2, true, 0, 0, "") // it was forgotten
		want(key, 2, false, 2, 0, "")
		must(t, s.DropReply(t.Context(), [32]byte{key}))
		want(key, 3, true, 0, 0, "")
	}
}
