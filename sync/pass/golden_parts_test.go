package pass_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// goldenAccredited is the wallet's side: from a nonce to the text.
type goldenAccredited struct {
	Name      string           `json:"name"`
	Ticket    ticket.ID        `json:"ticket"`
	Carried   string           `json:"carried,omitempty"` // signed ticket
	Nonce     int              `json:"nonce"`             // index into nonces
	Message   string           `json:"message_hex"`       // what the key signs
	Signature string           `json:"signature_hex"`     // r‖s as a key may return it, s in either half
	Holder    ticket.HolderKey `json:"holder"`
	Text      string           `json:"text"`
}

// goldenSplit is the wallet's side of a presentation: from packed bytes to texts.
type goldenSplit struct {
	Name   string   `json:"name"`
	Packed string   `json:"packed_hex"`
	Texts  []string `json:"texts"`
}

// goldenParts is the gate's side: texts in the order in which they are read, and
// what the last of them makes whole.
type goldenParts struct {
	Name    string   `json:"name"`
	Texts   []string `json:"texts"`
	Packed  string   `json:"packed_hex,omitempty"`
	Verdict string   `json:"verdict"` // of the last text
}

func (g *golden) addAccredited(t *testing.T, issuer trust.Signer) {
	t.Helper()
	did := newIdentity(t, "golden")
	signed := signTicket(t, issuer, newTicket(did.HolderKey()))
	for _, c := range []struct {
		name    string
		carried []byte
		high    bool
	}{
		{"id only", nil, false},
		{"with its ticket", signed, false},
		{"signed with a high s, which the wallet lowers", nil, true},
	} {
		n := g.nonce(t, 0)
		message := pass.AccreditedMessage(ticketID, n)
		low, err := did.Sign(message)
		if err != nil {
			t.Fatal(err)
		}
		text, err := pass.AccreditedText(ticketID, n, low, c.carried)
		if err != nil {
			t.Fatal(err)
		}
		if c.high {
			copy(low[32:], otherS(low[32:]))
		}
		ga := goldenAccredited{
			Name: c.name, Ticket: ticketID, Message: hex.EncodeToString(message),
			Signature: hex.EncodeToString(low[:]), Holder: did.HolderKey(), Text: text,
		}
		if c.carried != nil {
			ga.Carried = b64.EncodeToString(c.carried)
		}
		g.Accredited = append(g.Accredited, ga)
	}
}

// sampleBytes are bytes that repeat only after a long while.
func sampleBytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*i>>3 + i) // #nosec G115 -- the low byte is wanted
	}
	return b
}

func (g *golden) addParts(t *testing.T) {
	t.Helper()
	for _, c := range []struct {
		name string
		size int
	}{
		{"one byte", 1},
		{"one full part", pass.MaxPartData},
		{"two parts", pass.MaxPartData + 1},
		{"a usual presentation", 620},
		{"the longest", pass.MaxPacked},
	} {
		packed := sampleBytes(c.size)
		g.Splits = append(g.Splits, goldenSplit{Name: c.name, Packed: hex.EncodeToString(packed), Texts: splitTexts(t, packed)})
	}
	usual := g.Splits[3].Texts
	other := splitTexts(t, bytes.Repeat([]byte{7}, 620))
	reread := func(i int, change func(*pass.WirePart)) string { return forgePart(t, usual[i], change) }
	for _, c := range []struct {
		name  string
		texts []string
	}{
		{"in order", usual},
		{"in another order, some twice", []string{usual[3], usual[0], usual[3], usual[4], usual[2], usual[2], usual[1]}},
		{"one missing", usual[:4]},
		{"after some of another", append([]string{other[0], other[1]}, usual...)},
		{"half and half of two", []string{usual[0], usual[1], usual[2], other[3], other[4]}},
		{"a part of another under the set's name", append(usual[:4:4], reread(4, func(w *pass.WirePart) { w.Data = bytes.Repeat([]byte{7}, len(w.Data)) }))},
		{"a part in two versions", []string{usual[0], reread(0, func(w *pass.WirePart) { w.Data[0]++ })}},
		{"another total", []string{usual[0], reread(1, func(w *pass.WirePart) { w.Total++ })}},
		{"index beyond the total", []string{reread(1, func(w *pass.WirePart) { w.Index = 5 })}},
		{"too many parts", []string{reread(1, func(w *pass.WirePart) { w.Total = pass.MaxParts + 1 })}},
		{"no data", []string{reread(1, func(w *pass.WirePart) { w.Data = []byte{} })}},
		{"too much data", []string{reread(1, func(w *pass.WirePart) { w.Data = make([]byte, pass.MaxPartData+1) })}},
		{"cut", []string{usual[0][:40]}},
		{"of a later version", []string{"CTV2" + usual[0][4:]}},
		{"a pass", []string{g.Accredited[0].Text}},
	} {
		g.Parts = append(g.Parts, assemble(t, c.name, c.texts))
	}
}

// assemble reads the texts as one lane does, a second apart.
func assemble(t *testing.T, name string, texts []string) goldenParts {
	t.Helper()
	out := goldenParts{Name: name, Texts: texts}
	var a pass.Assembler
	for i, text := range texts {
		p, err := pass.ParsePart(text)
		var whole []byte
		if err == nil {
			whole, err = a.Add(p, doors.Add(secondsOf(i)))
		}
		switch {
		case err != nil:
			out.Verdict = word(t, err)
		case whole != nil:
			out.Verdict, out.Packed = "ok", hex.EncodeToString(whole)
		default:
			out.Verdict = "incomplete"
		}
	}
	return out
}
