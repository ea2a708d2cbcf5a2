package topic_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/con-ting/conting/sync/topic"
)

func TestListing(t *testing.T) {
	l := topic.Listing{URL: "https://registrar.example/status/1.jwt", JWT: strings.Repeat("a", 64*1024)}
	data, err := l.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := topic.ParseListing(data); err != nil || got != l {
		t.Errorf("ParseListing(%.20x) = %.60v, %v", data, got, err)
	}
	small, err := topic.Listing{URL: "u", JWT: "j"}.Encode()
	if err != nil || !bytes.Equal(small, []byte("\x82\x61u\x61j")) {
		t.Errorf("Encode = %x, %v", small, err)
	}
	for name, l := range map[string]topic.Listing{
		"no address":   {JWT: "j"},
		"no list":      {URL: "u"},
		"long address": {URL: strings.Repeat("u", 513), JWT: "j"},
	} {
		if data, err := l.Encode(); !errors.Is(err, topic.ErrMessage) {
			t.Errorf("%s: Encode = %x, %v, want ErrMessage", name, data, err)
		}
	}
	if data, err := (topic.Listing{URL: "u", JWT: strings.Repeat("j", topic.MaxListing)}).Encode(); !errors.Is(err, topic.ErrTooLarge) {
		t.Errorf("Encode of a long list = %d bytes, %v, want ErrTooLarge", len(data), err)
	}
	for name, c := range map[string]struct {
		data string
		want error
	}{
		"empty":           {"", topic.ErrMessage},
		"no address":      {"\x82\x60\x61j", topic.ErrMessage},
		"bytes, not text": {"\x82\x61u\x41j", topic.ErrMessage},
		"one more":        {"\x83\x61u\x61j\x61k", topic.ErrMessage},
		"too large":       {strings.Repeat("a", topic.MaxListing+1), topic.ErrTooLarge},
	} {
		if l, err := topic.ParseListing([]byte(c.data)); !errors.Is(err, c.want) || l != (topic.Listing{}) {
			t.Errorf("%s: ParseListing = %.60v, %v, want %v", name, l, err, c.want)
		}
	}
}
