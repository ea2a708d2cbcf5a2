package pass_test

import (
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/wallet"
)

// What fits is what a camera reads from a phone in the rain: the largest pass of
// each form stays within its QR version at error correction L.
func TestSizes(t *testing.T) {
	w := newWallet(t, "a")
	w.Authenticator.Flags |= wallet.BackupEligible | wallet.BackedUp
	full := newTicket(w.HolderKey())
	full.Seat, full.Zone, full.Class, full.Event, full.Version = strings.Repeat("W", ticket.MaxSeatLen), 65535, 255, 1<<32-1, 1<<32-1
	full.NotBefore, full.NotAfter, full.Flags = doors.Unix(), doors.Unix()+1, 15
	long := signTicket(t, newSigner(t, 1), full)
	short := signTicket(t, newSigner(t, 1), newTicket(w.HolderKey()))
	paper := newTicket(ticket.HolderKey{})
	n := pass.Nonce{Gate: ticket.DeviceID(strings.Repeat("g", ticket.MaxDeviceIDLen)), Value: [8]byte{255, 1}, Issued: doors.Unix()}
	answer := func(carried []byte) string {
		text, err := w.Answer(ticketID, n, carried)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	accredited, err := newIdentity(t, "a").Answer(ticketID, n, nil)
	if err != nil {
		t.Fatal(err)
	}
	worst := func(text string) string { // each number at its longest
		return forge(t, text, func(w *pass.WireRotating) { w.Counter, w.Slot = 1<<32-1, 29 })
	}
	for _, c := range []struct {
		name           string
		text           string
		bytes, version int // the most
	}{
		{"rotating", rotating(t, w, pass.MaxSlots, nil, 0, nil), 140, 7},
		{"rotating with lease", rotating(t, w, pass.MaxSlots, &lease, 0, nil), 150, 7},
		{"rotating with lease at its largest", worst(rotating(t, w, pass.MaxSlots, &lease, 0, nil)), 150, 7},
		{"rotating with a usual ticket", rotating(t, w, pass.MaxSlots, nil, 0, short), 310, 12},
		{"rotating with lease and the longest ticket", worst(rotating(t, w, pass.MaxSlots, &lease, 0, long)), 370, 13},
		{"challenge", answer(nil), 105, 6},
		{"challenge with a usual ticket", answer(short), 280, 11},
		{"accredited", accredited, 95, 5},
		{"paper", pass.PaperText(signTicket(t, newSigner(t, 1), paper)), 140, 7},
		{"part", splitTexts(t, sampleBytes(pass.MaxPartData))[0], 170, 8},
		{"nonce", n.Text(), 50, 4},
	} {
		body, err := pass.Body(c.text)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes, %d characters, QR version %d-L", c.name, len(body), len(c.text), pass.QRVersion(c.text))
		if version := pass.QRVersion(c.text); len(body) > c.bytes || version > c.version {
			t.Errorf("%s: %d bytes, %d characters, version %d; the most is %d bytes and version %d",
				c.name, len(body), len(c.text), version, c.bytes, c.version)
		}
		if strings.HasPrefix(c.text, "CTR1") {
			parse(t, c.text)
		}
	}
}

func BenchmarkVerifyRotating(b *testing.B) {
	w, v := newWallet(b, "a"), newVerifier(b)
	at := doors.Add(61 * time.Second)
	text := rotating(b, w, pass.MaxSlots, &lease, 61*time.Second, nil)
	holder := w.HolderKey()
	b.ReportAllocs()
	for b.Loop() {
		p, err := pass.Parse(text)
		if err != nil {
			b.Fatal(err)
		}
		if err := v.Rotating(p, holder, at, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyRotatingFull(b *testing.B) {
	w, v := newWallet(b, "a"), newVerifier(b)
	issuer := newSigner(b, 1)
	ring := newKeyring(b, eventKey(issuer))
	text := rotating(b, w, pass.MaxSlots, &lease, 0, signTicket(b, issuer, newTicket(w.HolderKey())))
	b.ReportAllocs()
	for b.Loop() {
		p, err := pass.Parse(text)
		if err != nil {
			b.Fatal(err)
		}
		tk, err := pass.OpenTicket(ring, p.Carried, doors)
		if err != nil {
			b.Fatal(err)
		}
		if err := v.Rotating(p, tk.Holder, doors, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRefuseStale(b *testing.B) {
	w, v := newWallet(b, "a"), newVerifier(b)
	text := rotating(b, w, pass.MaxSlots, nil, 0, nil)
	holder, at := w.HolderKey(), doors.Add(time.Minute)
	b.ReportAllocs()
	for b.Loop() {
		p, err := pass.Parse(text)
		if err != nil {
			b.Fatal(err)
		}
		if v.Rotating(p, holder, at, 0) == nil {
			b.Fatal("admitted")
		}
	}
}

// The gate's budget: few enough allocations that the collector never shows.
func TestAllocations(t *testing.T) {
	w, v := newWallet(t, "a"), newVerifier(t)
	text := rotating(t, w, pass.MaxSlots, &lease, 0, nil)
	holder := w.HolderKey()
	const most = 25
	got := testing.AllocsPerRun(100, func() {
		p, err := pass.Parse(text)
		if err != nil || v.Rotating(p, holder, doors, 0) != nil {
			t.Fatal("refused")
		}
	})
	if got > most {
		t.Errorf("parse and verify an id-only rotating pass: %.0f allocations, the most is %d", got, most)
	}
}
