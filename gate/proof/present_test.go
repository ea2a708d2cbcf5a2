package proof_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/proof"
	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
)

// desk stands for the verifier of credentials: it says what it was told to say,
// and holds the caller to what it was asked.
type desk struct {
	nonce string // that the presentation claims; "" fails
	shown proof.Shown
	err   error

	mu    sync.Mutex
	asked []string // guarded by mu: audience and nonce of each verification
}

func (d *desk) Nonce([]byte) (string, error) {
	if d.nonce == "" {
		return "", errors.New("not a presentation")
	}
	return d.nonce, nil
}

func (d *desk) Presentation(_ context.Context, packed []byte, audience, nonce string, _ time.Time) (proof.Shown, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, fmt.Sprintf("%s for %s answering %s", packed, audience, nonce))
	return d.shown, d.err
}

func (w *world) present() proof.Shown {
	w.Helper()
	return w.checker.Present(w.Context(), proof.Presentation{Packed: []byte("packed"), Now: now})
}

// shows has the desk find credentials in whatever is presented, to the nonce that
// the lane shows now.
func (w *world) shows(all ...proof.Credential) pass.Nonce {
	w.Helper()
	n := w.current()
	w.credentials.nonce = n.Text()
	w.credentials.shown = proof.Shown{Holder: "did:key:z1", All: all}
	return n
}

func TestPresent(t *testing.T) {
	w := newWorld(t)
	n := w.shows(
		proof.Credential{Type: proof.AgeCredential, Over: 15},
		proof.Credential{Type: proof.AgeCredential, Over: 19},
		proof.Credential{Type: proof.FamilyCredential, Over: 99},
	)
	s := w.present()
	if s.Proof != ticket.OK || s.Holder != "did:key:z1" || len(s.All) != 3 || s.Over() != 19 || s.Why != "" {
		t.Errorf("Present = %+v, over %d", s, s.Over())
	}
	if want := "packed for conting:gate:gate-1 answering " + n.Text(); len(w.credentials.asked) != 1 || w.credentials.asked[0] != want {
		t.Errorf("the verifier was asked %q, want %q", w.credentials.asked, want)
	}
	if again := w.current(); again == n {
		t.Error("the nonce is still shown")
	}
	if s := w.present(); s.Proof != ticket.NonceUnknown || s.Over() != 0 {
		t.Errorf("the same again: %+v, over %d, want %s", s, s.Over(), ticket.NonceUnknown)
	}
	if len(w.credentials.asked) != 1 {
		t.Error("a presentation to a nonce that is used up was verified all the same")
	}
}

func TestPresentRefuses(t *testing.T) {
	age := proof.Credential{Type: proof.AgeCredential, Over: 19}
	for name, c := range map[string]struct {
		change func(*world, pass.Nonce)
		want   ticket.Reason
		left   bool // the nonce is still open
	}{
		"not a presentation": {func(w *world, _ pass.Nonce) { w.credentials.nonce = "" }, ticket.CredentialInvalid, true},
		"no nonce":           {func(w *world, _ pass.Nonce) { w.credentials.nonce = "42" }, ticket.NonceUnknown, true},
		"another nonce": {func(w *world, n pass.Nonce) {
			n.Value[0]++
			w.credentials.nonce = n.Text()
		}, ticket.NonceUnknown, true},
		"the nonce's value under another gate": {func(w *world, n pass.Nonce) {
			n.Gate = "gate-2"
			w.credentials.nonce = n.Text()
		}, ticket.NonceUnknown, true},
		"the nonce's value at another time": {func(w *world, n pass.Nonce) {
			n.Issued++
			w.credentials.nonce = n.Text()
		}, ticket.NonceUnknown, true},
		"just in time":    {func(w *world, _ pass.Nonce) { w.bookNow = now.Add(proof.DefaultPresentLife - 1) }, ticket.OK, false},
		"too late":        {func(w *world, _ pass.Nonce) { w.bookNow = now.Add(proof.DefaultPresentLife) }, ticket.NonceUnknown, false},
		"clock set back":  {func(w *world, _ pass.Nonce) { w.bookNow = now.Add(-1) }, ticket.NonceUnknown, false},
		"does not verify": {func(w *world, _ pass.Nonce) { w.credentials.err = errors.New("bad") }, ticket.CredentialInvalid, true},
		"issuer":          {func(w *world, _ pass.Nonce) { w.credentials.err = fmt.Errorf("x: %w", proof.ErrIssuer) }, ticket.IssuerUnknown, true},
		"expired":         {func(w *world, _ pass.Nonce) { w.credentials.err = fmt.Errorf("x: %w", proof.ErrExpired) }, ticket.CredentialExpired, true},
		"revoked":         {func(w *world, _ pass.Nonce) { w.credentials.err = fmt.Errorf("x: %w", proof.ErrRevoked) }, ticket.CredentialRevoked, true},
		"says ok with an error": {func(w *world, _ pass.Nonce) {
			w.credentials.shown.Proof, w.credentials.err = ticket.OK, errors.New("bad")
		}, ticket.CredentialInvalid, true},
		"nothing in it": {func(w *world, _ pass.Nonce) { w.credentials.shown.All = nil }, ticket.CredentialInvalid, true},
	} {
		w := newWorld(t)
		n := w.shows(age)
		c.change(w, n)
		s := w.present()
		if s.Proof != c.want || (s.Why == "") != (c.want == ticket.OK) || c.want != ticket.OK && s.Over() != 0 {
			t.Errorf("%s: Present = %+v, over %d, want %s", name, s, s.Over(), c.want)
		}
		w.shows(age)
		w.credentials.nonce, w.credentials.err = n.Text(), nil
		if left := w.present().Proof == ticket.OK; left != c.left {
			t.Errorf("%s: the nonce is open afterwards: %t, want %t", name, left, c.left)
		}
	}
}

func TestPresentServesOnceUnderRace(t *testing.T) {
	w := newWorld(t)
	w.shows(proof.Credential{Type: proof.StaffCredential})
	var ok atomic.Int32
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if w.present().Proof == ticket.OK {
				ok.Add(1)
			}
		})
	}
	all.Wait()
	if ok.Load() != 1 {
		t.Errorf("one nonce was answered %d times", ok.Load())
	}
}

// A challenge has ten seconds although a presentation to the same nonce has sixty.
func TestLivesOfOneNonce(t *testing.T) {
	w := newWorld(t)
	n := w.shows(proof.Credential{Type: proof.AgeCredential, Over: 19})
	p := w.answer(w.alice, n, nil)
	w.bookNow = now.Add(proof.DefaultLife)
	if f := w.check(p, ptr(bound(w.alice, 1))); f.Proof != ticket.NonceUnknown {
		t.Errorf("challenge after %s: %s, want %s", proof.DefaultLife, f.Proof, ticket.NonceUnknown)
	}
	if s := w.present(); s.Proof != ticket.OK {
		t.Errorf("presentation after %s: %+v, want ok", proof.DefaultLife, s)
	}
}

// An explanation takes the nonce's word for it, and not for longer than its life.
func TestExplainWithNonce(t *testing.T) {
	w := newWorld(t)
	n := pass.Nonce{Gate: "gate-1", Value: [8]byte{5}, Issued: now.Unix() - 30}
	other := n
	other.Value[0]++
	w.credentials.nonce = n.Text()
	w.credentials.shown = proof.Shown{All: []proof.Credential{{Type: proof.AgeCredential, Over: 19}}}
	for name, c := range map[string]struct {
		nonce             pass.Nonce
		at                time.Duration
		answer, presented ticket.Reason
	}{
		"in time":       {n, -25 * time.Second, ticket.OK, ticket.OK},
		"after ten":     {n, -20 * time.Second, ticket.NonceUnknown, ticket.OK},
		"after sixty":   {n, 30 * time.Second, ticket.NonceUnknown, ticket.NonceUnknown},
		"before it was": {n, -31 * time.Second, ticket.NonceUnknown, ticket.NonceUnknown},
		"another nonce": {other, -25 * time.Second, ticket.BadSignature, ticket.NonceUnknown},
	} {
		at := now.Add(c.at)
		f := w.check(w.answer(w.alice, n, nil), ptr(bound(w.alice, 1)), func(q *proof.Question) {
			q.Now, q.Dry, q.Nonce = at, true, &c.nonce
		})
		if f.Proof != c.answer {
			t.Errorf("%s: challenge %s, want %s", name, f.Proof, c.answer)
		}
		s := w.checker.Present(t.Context(), proof.Presentation{Packed: []byte("p"), Now: at, Nonce: &c.nonce})
		if s.Proof != c.presented {
			t.Errorf("%s: presentation %s (%s), want %s", name, s.Proof, s.Why, c.presented)
		}
	}
	// What is no dry run takes no nonce's word.
	f := w.check(w.answer(w.alice, n, nil), ptr(bound(w.alice, 1)), func(q *proof.Question) { q.Nonce = &n })
	if f.Proof != ticket.NonceUnknown {
		t.Errorf("challenge to a nonce that was only asserted: %s, want %s", f.Proof, ticket.NonceUnknown)
	}
}

func TestCannotPresent(t *testing.T) {
	w := newWorld(t)
	for name, cfg := range map[string]proof.Config{
		"nothing":        {},
		"no gate":        {Book: w.book, Credentials: w.credentials},
		"no credentials": {Book: w.book, Gate: "gate-1"},
	} {
		c, err := proof.New(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if s := c.Present(t.Context(), proof.Presentation{Packed: []byte("p"), Now: now}); c.CanPresent() || s.Proof != ticket.FormNotAllowed {
			t.Errorf("%s: CanPresent = %t, Present = %+v", name, c.CanPresent(), s)
		}
	}
	c, err := proof.New(t.Context(), proof.Config{Credentials: w.credentials, Gate: "gate-1"})
	if err != nil {
		t.Fatal(err)
	}
	w.credentials.nonce = pass.Nonce{Gate: "gate-1", Issued: now.Unix()}.Text()
	if s := c.Present(t.Context(), proof.Presentation{Packed: []byte("p"), Now: now}); s.Proof != ticket.NonceUnknown {
		t.Errorf("a lane that shows no nonces: %+v, want %s", s, ticket.NonceUnknown)
	}
}

func TestPresentedID(t *testing.T) {
	// printf 'conting/presented/v1\0urn:uuid:1did:key:z1' | sha256sum
	if got := proof.PresentedID("urn:uuid:1", "did:key:z1").String(); !strings.HasPrefix("b50e824ff97336b8270b1b67af7e3a3226e1f3e017a097568be16d5a9f38ceb2", got) || len(got) != 32 {
		t.Errorf("PresentedID = %s", got)
	}
}
