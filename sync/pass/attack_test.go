package pass_test

import (
	"bytes"
	"crypto/elliptic"
	"crypto/sha256"
	"errors"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/wallet"
)

// forge opens a rotating pass, lets change spoil it, and closes it again.
func forge(t testing.TB, text string, change func(*pass.WireRotating)) string {
	t.Helper()
	var w pass.WireRotating
	if err := pass.Open(text, &w); err != nil {
		t.Fatal(err)
	}
	change(&w)
	out, err := pass.Close(text, w)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// admitted reports whether a text passes as a pass of the holder at a time.
func admitted(v *pass.Verifier, text string, holder ticket.HolderKey, n pass.Nonce, at time.Time) bool {
	p, err := pass.Parse(text)
	if err != nil {
		return false
	}
	switch p.Form {
	case pass.Rotating:
		return v.Rotating(p, holder, at, 0) == nil
	case pass.Challenge:
		return v.Challenge(p, holder, n) == nil
	case pass.Accredited:
		return v.Accredited(p, holder, n) == nil
	case pass.Paper:
	}
	return false
}

// No bit of a pass is free: whichever is flipped, and wherever it is cut, it is refused.
func TestEveryBitAndLength(t *testing.T) {
	w, v := newWallet(t, "a"), newVerifier(t)
	at := doors.Add(13 * time.Second)
	n := pass.Nonce{Gate: "north-1", Value: [8]byte{1, 2, 3}, Issued: doors.Unix()}
	answer, err := w.Answer(ticketID, n, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Authenticator.ClientData = wallet.ClientData{Tail: `,"crossOrigin":false,"extra":"1"}`}
	tailed := rotating(t, w, 20, &lease, 13*time.Second, nil)
	w.Authenticator.ClientData = wallet.Standard
	did := newIdentity(t, "a")
	accredited, err := did.Answer(ticketID, n, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"rotating":             rotating(t, w, 20, nil, 13*time.Second, nil),
		"rotating with lease":  rotating(t, w, 30, &lease, 13*time.Second, nil),
		"rotating with a tail": tailed,
		"challenge":            answer,
		"accredited":           accredited,
	} {
		holder := w.HolderKey()
		if name == "accredited" {
			holder = did.HolderKey()
		}
		if !admitted(v, text, holder, n, at) {
			t.Fatalf("%s: the pass itself is refused: %s", name, text)
		}
		body, err := pass.Body(text)
		if err != nil {
			t.Fatal(err)
		}
		tried := 0
		for i := range body {
			for bit := range 8 {
				body[i] ^= 1 << bit
				if bad := pass.Text(text, body); admitted(v, bad, holder, n, at) {
					t.Errorf("%s: admitted with bit %d of byte %d flipped: %x", name, bit, i, body)
				}
				body[i] ^= 1 << bit
				tried++
			}
		}
		for i := range body {
			if admitted(v, pass.Text(text, body[:i]), holder, n, at) {
				t.Errorf("%s: admitted when cut to %d bytes", name, i)
			}
			tried++
		}
		for i := range len(text) {
			if admitted(v, text[:i], holder, n, at) {
				t.Errorf("%s: admitted when cut to %d characters", name, i)
			}
			for _, c := range []byte{'0', 'A', ' ', ':', 'a', 0} {
				if bad := text[:i] + string(c) + text[i+1:]; bad != text && admitted(v, bad, holder, n, at) {
					t.Errorf("%s: admitted with character %d replaced by %q", name, i, c)
				}
			}
			tried++
		}
		for b := range 256 {
			if admitted(v, pass.Text(text, append(body[:len(body):len(body)], byte(b))), holder, n, at) {
				t.Errorf("%s: admitted with byte %d after it", name, b)
			}
		}
		if tried < 8*90 {
			t.Errorf("%s: only %d changes tried", name, tried)
		}
	}
}

func TestRotatingAttacks(t *testing.T) {
	w, v := newWallet(t, "a"), newVerifier(t)
	const shown = 40 * time.Second // slot 10
	text := rotating(t, w, 20, &lease, shown, nil)
	for name, c := range map[string]struct {
		change func(*pass.WireRotating)
		want   error
	}{
		"nothing":                  {func(*pass.WireRotating) {}, nil},
		"element of a later slot":  {func(w *pass.WireRotating) { w.Slot -= 2 }, pass.ErrBadProof},
		"next slot, same element":  {func(w *pass.WireRotating) { w.Slot++ }, pass.ErrBadProof},
		"anchor as element":        {func(w *pass.WireRotating) { w.Element = w.Anchor }, pass.ErrBadProof},
		"slot 0 with own anchor":   {func(w *pass.WireRotating) { w.Anchor, w.Slot, w.Start = w.Element, 0, w.Start+40 }, pass.ErrBadProof},
		"later start":              {func(w *pass.WireRotating) { w.Start += 4 }, pass.ErrBadProof},
		"earlier start":            {func(w *pass.WireRotating) { w.Start -= 4 }, pass.ErrBadProof},
		"more slots":               {func(w *pass.WireRotating) { w.Slots = 30 }, pass.ErrBadProof},
		"fewer slots":              {func(w *pass.WireRotating) { w.Slots = 11 }, pass.ErrBadProof},
		"slot beyond the session":  {func(w *pass.WireRotating) { w.Slots = w.Slot }, pass.ErrDelegation},
		"session too long":         {func(w *pass.WireRotating) { w.Slots = pass.MaxSlots + 1 }, pass.ErrDelegation},
		"longest session there is": {func(w *pass.WireRotating) { w.Slots = 255 }, pass.ErrDelegation},
		"no slots":                 {func(w *pass.WireRotating) { w.Slots, w.Slot = 0, 0 }, pass.ErrDelegation},
		"another lease":            {func(w *pass.WireRotating) { w.Lease = []byte{8, 7, 6, 5, 4, 3, 2, 1} }, pass.ErrBadProof},
		"no lease":                 {func(w *pass.WireRotating) { w.Lease = []byte{} }, pass.ErrBadProof},
		"another ticket":           {func(w *pass.WireRotating) { w.Ticket[15]++ }, pass.ErrBadProof},
		"user not verified":        {func(w *pass.WireRotating) { w.Flags &^= wallet.UserVerified }, pass.ErrUserNotVerified},
		"user not present":         {func(w *pass.WireRotating) { w.Flags &^= wallet.UserPresent }, pass.ErrUserNotVerified},
		"attested data":            {func(w *pass.WireRotating) { w.Flags |= 0x40 }, pass.ErrBadProof},
		"extensions":               {func(w *pass.WireRotating) { w.Flags |= 0x80 }, pass.ErrBadProof},
		"reserved flag":            {func(w *pass.WireRotating) { w.Flags |= 0x02 }, pass.ErrBadProof},
		"backed up, not eligible":  {func(w *pass.WireRotating) { w.Flags |= wallet.BackedUp }, pass.ErrBadProof},
		"another counter":          {func(w *pass.WireRotating) { w.Counter++ }, pass.ErrBadProof},
		"another shape":            {func(w *pass.WireRotating) { w.Shape++ }, pass.ErrBadProof},
		"high s":                   {func(w *pass.WireRotating) { copy(w.Signature[32:], otherS(w.Signature[32:])) }, pass.ErrBadProof},
		"r of zero":                {func(w *pass.WireRotating) { clear(w.Signature[:32]) }, pass.ErrBadProof},
		"s of zero":                {func(w *pass.WireRotating) { clear(w.Signature[32:]) }, pass.ErrBadProof},
		"no signature":             {func(w *pass.WireRotating) { clear(w.Signature[:]) }, pass.ErrBadProof},
	} {
		p, err := pass.Parse(forge(t, text, c.change))
		if err != nil {
			t.Errorf("%s: Parse: %v", name, err)
			continue
		}
		if err := v.Rotating(p, w.HolderKey(), doors.Add(shown), 0); !errors.Is(err, c.want) {
			t.Errorf("%s: Rotating = %v, want %v", name, err, c.want)
		}
	}
}

// A person who films the code can make the codes of earlier slots, which are
// worth nothing, and none of a later one.
func TestFilmedCode(t *testing.T) {
	w, v := newWallet(t, "a"), newVerifier(t)
	text := rotating(t, w, 20, nil, 40*time.Second, nil) // slot 10
	for slot := range uint8(20) {
		earlier := forge(t, text, func(w *pass.WireRotating) {
			for ; w.Slot > slot; w.Slot-- {
				w.Element = ascendOnce(w.Element)
			}
			w.Slot = slot
		})
		at := doors.Add(time.Duration(slot) * pass.SlotLength)
		err := v.Rotating(parse(t, earlier), w.HolderKey(), at, 0)
		if good := err == nil; good != (slot <= 10) {
			t.Errorf("slot %d made from slot 10, at its own time: %v", slot, err)
		}
		// And at 56 s, four slots on, none of them is good any more.
		if err := v.Rotating(parse(t, earlier), w.HolderKey(), doors.Add(56*time.Second), 0); err == nil {
			t.Errorf("slot %d made from slot 10 is good at 56 s", slot)
		}
	}
}

// ascendOnce is written from the description, not from the code under test.
func ascendOnce(x [16]byte) [16]byte {
	sum := sha256.Sum256(slices.Concat([]byte("conting/chain/v1\x00"), ticketID[:], x[:]))
	return [16]byte(sum[:16])
}

// otherS returns n−s.
func otherS(s []byte) []byte {
	n := elliptic.P256().Params().N
	return new(big.Int).Sub(n, new(big.Int).SetBytes(s)).FillBytes(make([]byte, 32))
}

func TestHolderAttacks(t *testing.T) {
	w, v := newWallet(t, "a"), newVerifier(t)
	p := parse(t, rotating(t, w, 20, nil, 0, nil))
	notOnCurve := w.HolderKey()
	for {
		notOnCurve[32]++
		if x, _ := elliptic.UnmarshalCompressed(elliptic.P256(), notOnCurve[:]); x == nil {
			break
		}
	}
	mirrored := w.HolderKey()
	mirrored[0] ^= 1
	for name, key := range map[string]ticket.HolderKey{
		"another holder":   newWallet(t, "b").HolderKey(),
		"the negated key":  mirrored,
		"no key":           {},
		"not on the curve": notOnCurve,
	} {
		if err := v.Rotating(p, key, doors, 0); !errors.Is(err, pass.ErrBadProof) {
			t.Errorf("%s: Rotating = %v, want ErrBadProof", name, err)
		}
	}
	for name, rp := range map[string]ticket.RelyingParty{
		"another site":   {ID: "evil.example", Origin: "https://evil.example"},
		"another origin": {ID: "tickets.example", Origin: "https://www.tickets.example"},
		"another port":   {ID: "tickets.example", Origin: "https://tickets.example:8443"},
		"another id":     {ID: "example", Origin: "https://tickets.example"},
	} {
		other, err := pass.NewVerifier(rp)
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Rotating(p, w.HolderKey(), doors, 0); !errors.Is(err, pass.ErrBadProof) {
			t.Errorf("%s: Rotating = %v, want ErrBadProof", name, err)
		}
	}
}

// The wallet never writes these; a holder's own software could.
func TestClientDataAttacks(t *testing.T) {
	w, v := newWallet(t, "a"), newVerifier(t)
	s, err := pass.NewSession(w.Rand, ticketID, doors, 20, nil)
	if err != nil {
		t.Fatal(err)
	}
	challenge := s.Challenge()
	good, err := w.Authenticator.Assert(challenge[:])
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Seal(site, good); err != nil {
		t.Fatal(err)
	}
	text, err := s.Text(doors, nil)
	if err != nil {
		t.Fatal(err)
	}
	head := bytes.TrimSuffix(good.ClientDataJSON, []byte(wallet.Standard.Tail))
	for name, tail := range badTails {
		a, err := w.Authenticator.Sign(append(head[:len(head):len(head)], tail...))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Seal(site, a); !errors.Is(err, pass.ErrBadProof) {
			t.Errorf("%s: Seal with tail %q = %v, want ErrBadProof", name, tail, err)
		}
		raw := rawSignature(t, a)
		for _, shape := range []uint8{uint8(pass.ShapeTail), uint8(pass.ShapeEscaped)} {
			forged := forge(t, text, func(w *pass.WireRotating) {
				w.Tail, w.Signature = []byte(tail), raw
				w.Shape = pass.ShapeTail
				if shape == uint8(pass.ShapeEscaped) {
					w.Shape = pass.ShapeEscaped
				}
			})
			if p, err := pass.Parse(forged); !errors.Is(err, pass.ErrMalformed) {
				t.Errorf("%s: Parse with tail %q = %v, %v, want ErrMalformed", name, tail, p, err)
			}
		}
	}
	for name, change := range map[string]func(*pass.WireRotating){
		"tail with a known shape":  func(w *pass.WireRotating) { w.Tail = []byte("}") },
		"known tail carried":       func(w *pass.WireRotating) { w.Shape, w.Tail = pass.ShapeTail, []byte("}") },
		"known tail carried twice": func(w *pass.WireRotating) { w.Shape, w.Tail = pass.ShapeTail, []byte(pass.Tails()[0]) },
		"shape without its tail":   func(w *pass.WireRotating) { w.Shape = pass.ShapeTail },
		"unknown shape":            func(w *pass.WireRotating) { w.Shape = pass.ShapeEscaped + 1; w.Tail = []byte(`,"a":1}`) },
		"null tail":                func(w *pass.WireRotating) { w.Tail = nil },
		"null lease":               func(w *pass.WireRotating) { w.Lease = nil },
		"short lease":              func(w *pass.WireRotating) { w.Lease = make([]byte, 7) },
		"long lease":               func(w *pass.WireRotating) { w.Lease = make([]byte, 9) },
		"no ticket":                func(w *pass.WireRotating) { w.Ticket = []byte{} },
		"ticket id of zeroes":      func(w *pass.WireRotating) { w.Ticket = make([]byte, 16) },
		"ticket id of 15 bytes":    func(w *pass.WireRotating) { w.Ticket = w.Ticket[1:] },
		"ticket id of 17 bytes":    func(w *pass.WireRotating) { w.Ticket = append(w.Ticket, 0) },
		"start beyond all time":    func(w *pass.WireRotating) { w.Start = 1 << 63 },
	} {
		if p, err := pass.Parse(forge(t, text, change)); !errors.Is(err, pass.ErrMalformed) {
			t.Errorf("%s: Parse = %v, %v, want ErrMalformed", name, p, err)
		}
	}
	if !admitted(v, text, w.HolderKey(), pass.Nonce{}, doors) {
		t.Error("the pass itself is refused, so that this test shows nothing")
	}
}

func TestChallengeAttacks(t *testing.T) {
	w, v := newWallet(t, "a"), newVerifier(t)
	n := pass.Nonce{Gate: "north-1", Value: [8]byte{1, 2, 3, 4, 5, 6, 7, 8}, Issued: doors.Unix()}
	text, err := w.Answer(ticketID, n, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := parse(t, text)
	for name, c := range map[string]struct {
		nonce pass.Nonce
		want  error
	}{
		"its own":        {n, nil},
		"another gate":   {pass.Nonce{Gate: "north-2", Value: n.Value, Issued: n.Issued}, pass.ErrBadProof},
		"another value":  {pass.Nonce{Gate: n.Gate, Value: [8]byte{9}, Issued: n.Issued}, pass.ErrBadProof},
		"another second": {pass.Nonce{Gate: n.Gate, Value: n.Value, Issued: n.Issued + 1}, pass.ErrBadProof},
		"no nonce":       {pass.Nonce{}, pass.ErrBadProof},
	} {
		if err := v.Challenge(p, w.HolderKey(), c.nonce); !errors.Is(err, c.want) {
			t.Errorf("%s: Challenge = %v, want %v", name, err, c.want)
		}
	}
	var wire pass.WireChallenge
	if err := pass.Open(text, &wire); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*pass.WireChallenge){
		"another nonce":  func(w *pass.WireChallenge) { w.Nonce[0]++ },
		"another ticket": func(w *pass.WireChallenge) { w.Ticket[0]++ },
		"high s":         func(w *pass.WireChallenge) { copy(w.Signature[32:], otherS(w.Signature[32:])) },
	} {
		forged := wire
		forged.Ticket = bytes.Clone(wire.Ticket)
		change(&forged)
		out, err := pass.Close(text, forged)
		if err != nil {
			t.Fatal(err)
		}
		at := n
		at.Value = forged.Nonce // even a gate that had shown that nonce
		if err := v.Challenge(parse(t, out), w.HolderKey(), at); !errors.Is(err, pass.ErrBadProof) {
			t.Errorf("%s: Challenge = %v, want ErrBadProof", name, err)
		}
	}
	// An assertion of one form is no proof in another.
	wire.Nonce = n.Value
	s, err := w.Rotating(ticketID, doors)
	if err != nil {
		t.Fatal(err)
	}
	other, err := s.Text(doors, nil)
	if err != nil {
		t.Fatal(err)
	}
	var r pass.WireRotating
	if err := pass.Open(other, &r); err != nil {
		t.Fatal(err)
	}
	wire.Signature = r.Signature
	out, err := pass.Close(text, wire)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Challenge(parse(t, out), w.HolderKey(), n); !errors.Is(err, pass.ErrBadProof) {
		t.Errorf("a session's assertion as an answer: %v, want ErrBadProof", err)
	}
}

func TestUserNotVerified(t *testing.T) {
	w, v := newWallet(t, "a"), newVerifier(t)
	w.Authenticator.Flags = wallet.UserPresent
	p := parse(t, rotating(t, w, 20, nil, 0, nil))
	if err := v.Rotating(p, w.HolderKey(), doors, 0); !errors.Is(err, pass.ErrUserNotVerified) {
		t.Errorf("Rotating = %v, want ErrUserNotVerified", err)
	}
	n := pass.Nonce{Gate: "north-1", Issued: doors.Unix()}
	text, err := w.Answer(ticketID, n, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Challenge(parse(t, text), w.HolderKey(), n); !errors.Is(err, pass.ErrUserNotVerified) {
		t.Errorf("Challenge = %v, want ErrUserNotVerified", err)
	}
}

// TestSignedFlags: authenticator data that no gate can take is refused although
// the holder's key did sign it, flags and all.
func TestSignedFlags(t *testing.T) {
	const verified = wallet.UserPresent | wallet.UserVerified
	for name, c := range map[string]struct {
		flags byte
		want  error
	}{
		"a passkey":                {verified | wallet.BackupEligible | wallet.BackedUp, nil},
		"eligible, not backed up":  {verified | wallet.BackupEligible, nil},
		"backed up, not eligible":  {verified | wallet.BackedUp, pass.ErrBadProof},
		"attested credential data": {verified | 0x40, pass.ErrBadProof},
		"extensions":               {verified | 0x80, pass.ErrBadProof},
		"reserved flag 1":          {verified | 0x02, pass.ErrBadProof},
		"reserved flag 5":          {verified | 0x20, pass.ErrBadProof},
		"nobody present":           {wallet.UserVerified, pass.ErrUserNotVerified},
	} {
		w, v := newWallet(t, "a"), newVerifier(t)
		w.Authenticator.Flags = c.flags
		p := parse(t, rotating(t, w, 20, nil, 0, nil))
		n := pass.Nonce{Gate: "north-1", Issued: doors.Unix()}
		text, err := w.Answer(ticketID, n, nil)
		if err != nil {
			t.Fatal(err)
		}
		for form, err := range map[string]error{
			"rotating":  v.Rotating(p, w.HolderKey(), doors, 0),
			"challenge": v.Challenge(parse(t, text), w.HolderKey(), n),
		} {
			if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Errorf("%s, %s with flags %#02x: %v, want %v", name, form, c.flags, err, c.want)
			}
		}
	}
}
