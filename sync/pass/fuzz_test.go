package pass_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/con-ting/conting/sync/pass"
)

// Whatever is read has exactly one text, and reading says which kind of error.
func FuzzParse(f *testing.F) {
	w, v := newWallet(f, "nobody"), newVerifier(f)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := pass.Parse(text)
		if err != nil {
			if errors.Is(err, pass.ErrForeign) == errors.Is(err, pass.ErrMalformed) {
				t.Errorf("Parse(%q): %v is not one of the two errors", text, err)
			}
			return
		}
		if again, err := p.Encode(); err != nil || again != text {
			t.Errorf("Parse(%q) is written %q, %v", text, again, err)
		}
		if p.ID.IsZero() {
			t.Errorf("Parse(%q) has no ticket id", text)
		}
		// Nothing that a fuzzer finds proves anything to a holder nobody has met.
		if v.Rotating(p, w.HolderKey(), doors, 0) == nil || v.Challenge(p, w.HolderKey(), pass.Nonce{}) == nil ||
			v.Accredited(p, w.HolderKey(), pass.Nonce{}) == nil {
			t.Errorf("Parse(%q) verifies", text)
		}
	})
}

func FuzzParsePart(f *testing.F) {
	for _, text := range splitTexts(f, sampleBytes(400)) {
		f.Add(text)
	}
	f.Add("CTV1")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := pass.ParsePart(text)
		if err != nil {
			if errors.Is(err, pass.ErrForeign) == errors.Is(err, pass.ErrMalformed) {
				t.Errorf("ParsePart(%q): %v is not one of the two errors", text, err)
			}
			return
		}
		again, err := pass.Close(text, pass.WirePart{Set: p.Set, Index: p.Index, Total: p.Total, Data: p.Data})
		if err != nil || again != text {
			t.Errorf("ParsePart(%q) is written %q, %v", text, again, err)
		}
		// Its first bytes name a whole; only those bytes come out under that name.
		var a pass.Assembler
		if whole, err := a.Add(p, doors); err == nil && whole != nil && (p.Total != 1 || !bytes.Equal(whole, p.Data)) {
			t.Errorf("Add(%+v) = %x", p, whole)
		}
	})
}

func FuzzParseNonce(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		n, err := pass.ParseNonce(text)
		if err != nil {
			if errors.Is(err, pass.ErrForeign) == errors.Is(err, pass.ErrMalformed) {
				t.Errorf("ParseNonce(%q): %v is not one of the two errors", text, err)
			}
			return
		}
		if again := n.Text(); again != text {
			t.Errorf("ParseNonce(%q) = %+v, which is written %q", text, n, again)
		}
	})
}

// A tail that passes completes the client data to JSON that says what the gate
// believes it says, to a reader that knows nothing of tails.
func FuzzClientDataTail(f *testing.F) {
	for _, tail := range badTails {
		f.Add([]byte(tail))
	}
	for _, way := range goodTails {
		f.Add([]byte(way.Tail))
	}
	f.Fuzz(func(t *testing.T, tail []byte) {
		if pass.CheckTail(tail) != nil {
			return
		}
		whole := append([]byte(`{"type":"webauthn.get","challenge":"AAAA","origin":"https://tickets.example"`), tail...)
		var got struct {
			Type        string           `json:"type"`
			Challenge   string           `json:"challenge"`
			Origin      string           `json:"origin"`
			CrossOrigin *bool            `json:"crossOrigin"`
			TopOrigin   *json.RawMessage `json:"topOrigin"`
		}
		exact := map[string]json.RawMessage{}
		if err := json.Unmarshal(whole, &exact); err != nil {
			t.Fatalf("tail %q passes, but %q: %v", tail, whole, err)
		}
		// encoding/json matches names in any case; only exact ones count here.
		for name := range exact {
			switch name {
			case "type", "challenge", "origin", "crossOrigin", "topOrigin":
			default:
				delete(exact, name)
			}
		}
		only, err := json.Marshal(exact)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(only, &got); err != nil {
			t.Fatalf("tail %q passes, but %q: %v", tail, only, err)
		}
		if got.Type != "webauthn.get" || got.Challenge != "AAAA" || got.Origin != "https://tickets.example" ||
			got.CrossOrigin != nil && *got.CrossOrigin || got.TopOrigin != nil {
			t.Errorf("tail %q passes, but %q says %+v", tail, whole, got)
		}
	})
}
