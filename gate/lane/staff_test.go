package lane_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/con-ting/conting/gate/admit"
	"github.com/con-ting/conting/gate/clock"
	"github.com/con-ting/conting/gate/lane"
	"github.com/con-ting/conting/gate/proof"
	"github.com/con-ting/conting/gate/turnstile"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/wallet"
)

// said is a presentation in these tests: what it claims, in plain JSON.
type said struct {
	Nonce  string             `json:"nonce"`
	All    []proof.Credential `json:"all"`
	Err    string             `json:"err"`
	Filler string             `json:"filler"` // makes it longer than one part
}

// desk stands for the verifier of credentials and believes what it reads.
type desk struct{}

func (desk) Nonce(packed []byte) (string, error) {
	var s said
	if err := json.Unmarshal(packed, &s); err != nil {
		return "", err
	}
	return s.Nonce, nil
}

func (desk) Presentation(_ context.Context, packed []byte, audience, nonce string, _ time.Time) (proof.Shown, error) {
	var s said
	if err := json.Unmarshal(packed, &s); err != nil {
		return proof.Shown{}, err
	}
	shown := proof.Shown{Holder: "did:key:z1", All: s.All}
	for _, e := range []error{proof.ErrIssuer, proof.ErrExpired, proof.ErrRevoked} {
		if s.Err == e.Error() {
			return shown, e
		}
	}
	if s.Err != "" || audience != "conting:gate:gate-1" || nonce != s.Nonce {
		return shown, errors.New("does not verify")
	}
	return shown, nil
}

type counter struct{ n byte }

func (c *counter) Read(p []byte) (int, error) {
	c.n++
	for i := range p {
		p[i] = c.n
	}
	return len(p), nil
}

const (
	classStaff = 7
	classNamed = 8
)

// staffed makes the rig a lane with a steward, who reads presentations.
func staffed(r *rig) option {
	return func(c *lane.Config, _ *turnstile.Config) {
		r.event.Classes = append(r.event.Classes, ticket.Class{ID: classStaff, Name: "Crew", Staff: true}, ticket.Class{ID: classNamed, Name: "Named", IDCheck: true})
		r.book = must(proof.NewBook(r.Context(), proof.BookConfig{Gate: "gate-1", Rand: &counter{}, Now: time.Now}))
		checker := must(proof.New(r.Context(), proof.Config{Book: r.book, Credentials: desk{}, Gate: "gate-1"}))
		r.judge = must(lane.NewJudge(r.Context(), lane.JudgeConfig{
			Gate: "north", Registry: r.ledger, Prover: checker, Presenter: checker, Staff: true,
			Situation: func() lane.Situation { return lane.Situation{Event: r.event, Mode: r.mode} },
		}))
		c.Judge = r.judge
	}
}

// parts is what a phone shows of a presentation to the nonce on the screen.
func (r *rig) parts(change func(*said), all ...proof.Credential) []string {
	r.Helper()
	s := said{Nonce: must(r.book.Current()).Text(), All: all, Filler: strings.Repeat("filler ", 60)}
	if change != nil {
		change(&s)
	}
	packed := must(json.Marshal(s))
	texts := must(pass.Split(packed))
	if len(texts) < 4 {
		r.Fatalf("only %d parts", len(texts))
	}
	return texts
}

// show scans the parts once round and returns what came last.
func (r *rig) show(texts []string) lane.Result {
	r.Helper()
	var last lane.Result
	for i, text := range texts {
		last = r.scan(text)
		if i < len(texts)-1 && last.Parts != (lane.Progress{Have: i + 1, Total: len(texts)}) {
			r.Fatalf("part %d of %d: %+v", i, len(texts), last)
		}
	}
	return last
}

func crew(events ...ticket.EventID) proof.Credential {
	return proof.Credential{
		ID: "urn:uuid:1", Type: proof.StaffCredential, IssuerName: "Crew office", Role: "rigger", Events: events, Class: classStaff,
		Expires: time.Now().Add(24 * time.Hour), StatusKnown: true, StatusAge: time.Hour,
	}
}

func adult(over uint8) proof.Credential {
	return proof.Credential{ID: "urn:uuid:2", Type: proof.AgeCredential, IssuerName: "City", Over: over, Expires: time.Now().Add(24 * time.Hour)}
}

func TestPresentedStaffEnters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, staffed)
		texts := r.parts(nil, adult(19), crew(6, 7))
		got := r.show(texts)
		id := proof.PresentedID("urn:uuid:1", "did:key:z1")
		if got.Verdict.Outcome != ticket.Admit || got.Ticket != id || !got.Presented || got.Class != "Crew" || len(got.Shown) != 2 || got.Form != pass.Accredited {
			t.Fatalf("%+v", got)
		}
		packed := assembled(t, texts)
		if e := r.ledger.entries[0]; e.Ticket != id || e.Evidence != sha256.Sum256(packed) || e.Outcome != ticket.Admit || e.Reason != ticket.OK {
			t.Errorf("entry %+v", e)
		}
		// The phone goes on showing its parts while its holder walks through.
		for range 3 {
			for _, text := range texts {
				if again := r.scan(text); !again.Repeat || again.Number != got.Number {
					t.Fatalf("still shown: %+v", again)
				}
				time.Sleep(200 * time.Millisecond)
			}
		}
		r.gate.Push()
		synctest.Wait()
		time.Sleep(10 * time.Second)
		// Filmed and shown by another: the nonce is used up.
		if late := r.show(texts); late.Verdict.Reason != ticket.NonceUnknown {
			t.Errorf("shown again later: %+v", late.Verdict)
		}
		// The same person may come as often as they like.
		time.Sleep(10 * time.Second)
		if again := r.show(r.parts(nil, crew(7))); again.Verdict.Outcome != ticket.Admit || again.Ticket != id {
			t.Errorf("a second time: %+v", again)
		}
		r.gate.Push()
	})
}

func assembled(t *testing.T, texts []string) []byte {
	t.Helper()
	var a pass.Assembler
	for _, text := range texts {
		if whole := must(a.Add(must(pass.ParsePart(text)), time.Now())); whole != nil {
			return whole
		}
	}
	t.Fatal("the parts make no whole")
	return nil
}

func TestPresentationRefused(t *testing.T) {
	family := proof.Credential{ID: "urn:uuid:3", Type: proof.FamilyCredential, Relation: "parent"}
	otherClass := func() proof.Credential { c := crew(7); c.Class = 1; return c }
	noClass := func() proof.Credential { c := crew(7); c.Class = 99; return c }
	over := func() proof.Credential { c := crew(7); c.Expires = time.Now(); return c }
	for name, c := range map[string]struct {
		change  func(*said)
		all     func() []proof.Credential
		outcome ticket.Outcome
		reason  ticket.Reason
	}{
		"family":               {nil, func() []proof.Credential { return []proof.Credential{family} }, ticket.Refer, ticket.CredentialShown},
		"age":                  {nil, func() []proof.Credential { return []proof.Credential{adult(19)} }, ticket.Refer, ticket.CredentialShown},
		"age, and crew away":   {nil, func() []proof.Credential { return []proof.Credential{crew(6), adult(19)} }, ticket.Refer, ticket.CredentialShown},
		"crew away":            {nil, func() []proof.Credential { return []proof.Credential{crew(6)} }, ticket.Refuse, ticket.AccreditationMissing},
		"crew of no event":     {nil, func() []proof.Credential { return []proof.Credential{crew()} }, ticket.Refuse, ticket.AccreditationMissing},
		"a visitor's class":    {nil, func() []proof.Credential { return []proof.Credential{otherClass()} }, ticket.Refuse, ticket.AccreditationMissing},
		"a class that is none": {nil, func() []proof.Credential { return []proof.Credential{noClass()} }, ticket.Refuse, ticket.AccreditationMissing},
		"over as it is shown":  {nil, func() []proof.Credential { return []proof.Credential{over()} }, ticket.Refuse, ticket.TooLate},
		"nothing in it":        {nil, func() []proof.Credential { return nil }, ticket.Refuse, ticket.CredentialInvalid},
		"does not verify":      {func(s *said) { s.Err = "x" }, func() []proof.Credential { return []proof.Credential{crew(7)} }, ticket.Refuse, ticket.CredentialInvalid},
		"unknown issuer":       {func(s *said) { s.Err = proof.ErrIssuer.Error() }, func() []proof.Credential { return []proof.Credential{crew(7)} }, ticket.Refuse, ticket.IssuerUnknown},
		"expired":              {func(s *said) { s.Err = proof.ErrExpired.Error() }, func() []proof.Credential { return []proof.Credential{crew(7)} }, ticket.Refuse, ticket.CredentialExpired},
		"revoked":              {func(s *said) { s.Err = proof.ErrRevoked.Error() }, func() []proof.Credential { return []proof.Credential{crew(7)} }, ticket.Refuse, ticket.CredentialRevoked},
		"another gate's nonce": {func(s *said) {
			s.Nonce = pass.Nonce{Gate: "gate-2", Value: [8]byte{1}, Issued: time.Now().Unix()}.Text()
		}, func() []proof.Credential { return []proof.Credential{crew(7)} }, ticket.Refuse, ticket.NonceUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, staffed)
				got := r.show(r.parts(c.change, c.all()...))
				if got.Verdict.Outcome != c.outcome || got.Verdict.Reason != c.reason || got.Confirmable || got.Seat != "" {
					t.Errorf("%+v, want %s %s", got, c.outcome, c.reason)
				}
				r.wrote(fmt.Sprintf("decision %s %s", c.outcome, c.reason))
			})
		})
	}
}

// Whatever is shown of two presentations, nobody enters by the mixture; and the
// lane goes on reading.
func TestPartsThatDoNotFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, staffed)
		mine, theirs := r.parts(nil, crew(7)), r.parts(func(s *said) { s.Filler += "other" }, crew(6))
		admits := func() (n int) {
			for _, s := range r.watcher.said() {
				if strings.HasPrefix(s, "admit") {
					n++
				}
			}
			return n
		}
		for i := range mine {
			r.scan(mine[i])
			r.scan(theirs[i])
		}
		for range 3 {
			for _, text := range mine[1:] {
				r.scan(text)
			}
		}
		// Parts of the others' under my presentation's name.
		forged := must(pass.ParsePart(theirs[0]))
		p := must(pass.ParsePart(mine[0]))
		p.Data = forged.Data
		r.scan(partText(t, p))
		for _, text := range mine[1:] {
			r.scan(text)
		}
		if n := admits(); n != 0 {
			t.Fatalf("%d admissions by a mixture: %q", n, r.watcher.said())
		}
		if !slices.Contains(r.watcher.said(), "refuse credential_invalid") {
			t.Errorf("nobody was told that the parts do not fit: %q", r.watcher.said())
		}
		// Twice each, in another order: that is how a camera sees them.
		var last lane.Result
		for _, i := range []int{2, 0, 2, 1, 0, 3} {
			last = r.scan(mine[i])
		}
		for _, text := range mine[4:] {
			last = r.scan(text)
		}
		if last.Verdict.Outcome != ticket.Admit {
			t.Errorf("the presentation itself: %+v", last.Verdict)
		}
		r.gate.Push()
	})
}

// partText writes a part as Split would not.
func partText(t *testing.T, p pass.Part) string {
	t.Helper()
	body := append([]byte{0x84, 0x44}, p.Set[:]...)
	body = append(body, p.Index, p.Total)
	switch n := len(p.Data); {
	case n < 24:
		body = append(body, 0x40|byte(n))
	default:
		body = append(body, 0x58, byte(n))
	}
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
	out := []byte("CTV1")
	for body = append(body, p.Data...); len(body) > 1; body = body[2:] {
		n := int(body[0])<<8 | int(body[1])
		out = append(out, digits[n%45], digits[n/45%45], digits[n/2025])
	}
	if len(body) == 1 {
		out = append(out, digits[body[0]%45], digits[body[0]/45])
	}
	if _, err := pass.ParsePart(string(out)); err != nil {
		t.Fatalf("partText wrote %q: %v", out, err)
	}
	return string(out)
}

// A lane without a steward sends presentations to one that has one, once.
func TestPartsWithoutASteward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		texts := r.parts(nil, crew(7))
		for range 20 {
			for _, text := range texts {
				r.scan(text)
				time.Sleep(100 * time.Millisecond)
			}
		}
		r.wrote("decision refer refer_to_staff")
		if got := r.watcher.results; len(got) != 1 || got[0].Verdict.Detail.Next != admit.NextStaffLane || got[0].Confirmable {
			t.Errorf("told %+v", got)
		}
	})
}

// A screen that shows ever other parts fills no journal: not with what does not fit,
// not with what does not verify, and not where nobody reads presentations. What is
// true is still written.
func TestHostilePartsDoNotFillTheJournal(t *testing.T) {
	const shown = 200
	for name, c := range map[string]struct {
		options []func(*rig) option
		text    func(r *rig, n int) string
	}{
		"garbage": {[]func(*rig) option{staffed}, func(r *rig, n int) string {
			return must(pass.Split(fmt.Appendf(nil, "garbage %d", n)))[0]
		}},
		"broken parts": {[]func(*rig) option{staffed}, func(_ *rig, n int) string { return fmt.Sprintf("CTV1%d", n) }},
		"an answer to nothing": {[]func(*rig) option{staffed}, func(r *rig, n int) string {
			return must(pass.Split(fmt.Appendf(nil, `{"nonce":"%d"}`, n)))[0]
		}},
		"parts that do not fit": {[]func(*rig) option{staffed}, func(r *rig, n int) string {
			return partText(r.T, pass.Part{Set: [4]byte{1}, Total: 1, Data: fmt.Appendf(nil, "%d", n)})
		}},
		"nobody reads them": {nil, func(r *rig, n int) string {
			return must(pass.Split(fmt.Appendf(nil, "garbage %d", n)))[0]
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, c.options...)
				for n := range shown {
					if got := r.scan(c.text(r, n)); got.Repeat || got.Verdict.Outcome == ticket.Admit {
						t.Fatalf("%+v", got)
					}
				}
				if got := len(r.ledger.wrote()); got != 30 {
					t.Errorf("%d entries for %d presentations, want 30 a minute", got, shown)
				}
				if got := len(r.watcher.said()); got != shown {
					t.Errorf("the screen said %d things, want %d", got, shown)
				}
				if c.options == nil {
					return
				}
				if got := r.show(r.parts(nil, crew(7))); got.Verdict.Outcome != ticket.Admit || got.Seq != 31 {
					t.Errorf("an honest one among them: %+v", got)
				}
				r.gate.Push()
			})
		})
	}
}

// gathering is a watcher that also hears how far a presentation has come.
type gathering struct {
	watcher
	mu  sync.Mutex
	all []lane.Progress // guarded by mu
}

func (g *gathering) Gathered(p lane.Progress) {
	g.mu.Lock()
	g.all = append(g.all, p)
	g.mu.Unlock()
}

func TestProgressIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gathering{}
		r := newRig(t, staffed, func(*rig) option {
			return func(c *lane.Config, _ *turnstile.Config) { c.Observers = append(c.Observers, g) }
		})
		texts := r.parts(nil, crew(7))
		total := len(texts)
		r.scan(texts[2])
		r.scan(texts[2])
		r.scan(texts[0])
		time.Sleep(pass.PartsLife + time.Second) // nobody goes on
		synctest.Wait()
		r.scan(texts[1])
		want := []lane.Progress{{Have: 1, Total: total}, {Have: 2, Total: total}, {}, {Have: 1, Total: total}}
		g.mu.Lock()
		defer g.mu.Unlock()
		if !slices.Equal(g.all, want) {
			t.Errorf("told %v, want %v", g.all, want)
		}
	})
}

// A proved age serves the next person who enters, once, for a minute.
func TestAgeForTheNextTicket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, staffed)
		r.event.MinimumAge = 19
		first, second, third := r.sell(1), r.sell(2), r.sell(3)
		r.expect(r.code(first), ticket.Refer, ticket.AgeUnproven)
		show := func(over uint8) {
			t.Helper()
			if got := r.show(r.parts(nil, adult(over))); got.Verdict.Reason != ticket.CredentialShown {
				t.Fatalf("%+v", got.Verdict)
			}
		}
		show(19)
		r.expect("CTR1", ticket.Refuse, ticket.Malformed) // a refusal takes nothing away
		time.Sleep(20 * time.Second)
		r.expect(r.code(first), ticket.Admit, ticket.OK)
		r.gate.Push()
		synctest.Wait()
		time.Sleep(time.Second)
		r.expect(r.code(second), ticket.Refer, ticket.AgeUnproven)

		time.Sleep(10 * time.Second)
		show(18)
		r.expect(r.code(second), ticket.Refer, ticket.AgeUnproven)

		time.Sleep(10 * time.Second)
		show(19)
		time.Sleep(time.Minute)
		r.expect(r.code(third), ticket.Refer, ticket.AgeUnproven)
	})
}

// An age that is not in the journal admits nobody.
func TestAgeThatWasNotWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, staffed)
		r.event.MinimumAge = 19
		sold := r.sell(1)
		r.ledger.set(func() { r.ledger.recordEr = errDisk })
		if got := r.show(r.parts(nil, adult(19))); got.Verdict.Reason != ticket.CredentialShown || got.Seq != 0 {
			t.Fatalf("%+v", got)
		}
		r.ledger.set(func() { r.ledger.recordEr = nil })
		r.expect(r.code(sold), ticket.Refer, ticket.AgeUnproven)
	})
}

func TestAccreditedTicket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, staffed)
		did := must(wallet.NewIdentity([]byte("rigger")))
		pass1 := ticket.Ticket{ID: ticket.ID{1}, Event: 7, Class: classStaff, Version: 1, Holder: did.HolderKey()}
		r.ledger.set(func() { r.ledger.tickets[pass1.ID] = pass1 })
		for range 3 { // as often as they like
			n := must(r.book.Current())
			text := must(did.Answer(pass1.ID, n, nil))
			got := r.expect(text, ticket.Admit, ticket.OK)
			if got.Form != pass.Accredited || got.Class != "Crew" {
				t.Errorf("%+v", got)
			}
			r.gate.Push()
			synctest.Wait()
			time.Sleep(10 * time.Second)
			r.expect(text, ticket.Refuse, ticket.NonceUnknown) // the nonce again
		}
		// The key of a DID cannot pose as a visitor's passkey.
		visitor := r.sell(2)
		visitor.Holder = did.HolderKey()
		r.ledger.set(func() { r.ledger.tickets[visitor.ID] = visitor })
		r.expect(must(did.Answer(visitor.ID, must(r.book.Current()), nil)), ticket.Refuse, ticket.FormNotAllowed)
		// Nor a passkey as staff.
		pass1.Holder = r.alice.HolderKey()
		r.ledger.set(func() { r.ledger.tickets[pass1.ID] = pass1 })
		r.expect(must(r.alice.Answer(pass1.ID, must(r.book.Current()), nil)), ticket.Refuse, ticket.FormNotAllowed)
		r.expect(r.code(pass1), ticket.Refuse, ticket.FormNotAllowed)
	})
}

// named puts a ticket that asks for an identity document into the set.
func (r *rig) named(n byte) ticket.Ticket {
	t := r.sell(n)
	t.Class = classNamed
	r.ledger.set(func() { r.ledger.tickets[t.ID] = t })
	return t
}

func TestStewardConfirms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, staffed)
		sold := r.named(1)
		text := r.code(sold)
		referral := r.expect(text, ticket.Refer, ticket.IDCheck)
		if !referral.Confirmable || referral.Seq != 1 {
			t.Fatalf("%+v", referral)
		}
		time.Sleep(50 * time.Second) // the code has long gone stale; its proof stands
		got, err := r.Confirm(t.Context(), referral.Seq)
		if err != nil || got.Verdict.Outcome != ticket.Admit || got.Verdict.Reason != ticket.ConfirmedByStaff || got.Seat != "A-1" || got.Confirmable || got.Seq != 2 {
			t.Fatalf("Confirm = %+v, %v", got, err)
		}
		r.gate.Push()
		synctest.Wait()
		r.wrote("decision refer id_check", "decision admit confirmed_by_staff", "passed 2 ")
		if e := r.ledger.entries[1]; e.Refers != 1 || e.Evidence != sha256.Sum256([]byte(text)) || e.Ticket != sold.ID {
			t.Errorf("entry %+v", e)
		}
		if got := r.watcher.said(); !slices.Equal(got, []string{"refer id_check", "admit confirmed_by_staff"}) {
			t.Errorf("observers heard %q", got)
		}
		if _, err := r.Confirm(t.Context(), referral.Seq); !errors.Is(err, lane.ErrNoReferral) {
			t.Errorf("the same word again: %v, want ErrNoReferral", err)
		}
	})
}

// A phone that is held up shows another code every four seconds. The steward may
// mean any of them, and the person enters once.
func TestStewardConfirmsAnEarlierCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, staffed)
		sold := r.named(1)
		s := must(r.alice.Rotating(sold.ID, time.Now()))
		var seqs []uint64
		for range 3 {
			seqs = append(seqs, r.expect(must(s.Text(time.Now(), nil)), ticket.Refer, ticket.IDCheck).Seq)
			time.Sleep(pass.SlotLength)
		}
		if got, err := r.Confirm(t.Context(), seqs[1]); err != nil || got.Verdict.Outcome != ticket.Admit {
			t.Fatalf("Confirm(%d) = %+v, %v", seqs[1], got.Verdict, err)
		}
		for _, seq := range seqs {
			if _, err := r.Confirm(t.Context(), seq); !errors.Is(err, lane.ErrNoReferral) {
				t.Errorf("Confirm(%d) afterwards = %v, want ErrNoReferral", seq, err)
			}
		}
		r.gate.Push()
	})
}

// Words and codes of one ticket come at once, at two lanes that share a disk: one of
// them enters.
func TestConfirmRaces(t *testing.T) {
	for round := range 20 {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, staffed)
			other := newRig(t, func(o *rig) option {
				o.ledger, o.gate.ledger, o.alice = r.ledger, r.ledger, r.alice
				return func(c *lane.Config, motor *turnstile.Config) {
					staffed(o)(c, motor)
					c.Ledger = r.ledger
				}
			})
			sold := r.named(1)
			s := must(r.alice.Rotating(sold.ID, time.Now()))
			here := r.expect(must(s.Text(time.Now(), nil)), ticket.Refer, ticket.IDCheck)
			there := other.expect(must(s.Text(time.Now(), nil)), ticket.Refer, ticket.IDCheck)
			time.Sleep(pass.SlotLength)
			next := must(s.Text(time.Now(), nil))
			if round%2 == 1 {
				r.ledger.set(func() { r.ledger.status[sold.ID] = ticket.StatusRefunded })
			}
			var work sync.WaitGroup
			var mu sync.Mutex
			admitted := 0
			for _, l := range []struct {
				*rig
				seq uint64
			}{{r, here.Seq}, {other, there.Seq}} {
				for range 4 {
					work.Go(func() {
						if got, err := l.Confirm(t.Context(), l.seq); err == nil && got.Verdict.Outcome == ticket.Admit {
							mu.Lock()
							admitted++
							mu.Unlock()
						}
					})
					work.Go(func() { _, _ = l.Scan(t.Context(), next) })
				}
			}
			work.Wait()
			if want := 1 - round%2; admitted != want {
				t.Errorf("%d entered, want %d", admitted, want)
			}
			r.gate.Push()
			other.gate.Push()
		})
	}
}

func TestStewardCannotConfirm(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*rig, ticket.Ticket)
		want   ticket.Reason // "" is ErrNoReferral
		wrote  string
	}{
		"refunded meanwhile": {func(r *rig, s ticket.Ticket) { r.ledger.status[s.ID] = ticket.StatusRefunded }, ticket.Refunded, "decision refuse refunded"},
		"used meanwhile":     {func(r *rig, s ticket.Ticket) { r.ledger.claims[s.ID] = 99 }, ticket.AlreadyAdmitted, "decision refuse already_admitted"},
		"transferred meanwhile": {func(r *rig, s ticket.Ticket) {
			s.Version, s.Holder = 2, ticket.HolderKey{2, 1}
			r.ledger.tickets[s.ID] = s
		}, ticket.Transferred, "decision refuse transferred"},
		"the event is over": {func(r *rig, _ ticket.Ticket) { r.event.Ends = time.Now().Unix() }, ticket.TooLate, "decision refuse too_late"},
		"another event":     {func(r *rig, _ ticket.Ticket) { r.event.ID = 8 }, ticket.WrongEvent, "decision refuse wrong_event"},
		"gone from the set": {func(r *rig, s ticket.Ticket) { delete(r.ledger.tickets, s.ID) }, ticket.UnknownTicket, "decision refuse unknown_ticket"},
		"no disk":           {func(r *rig, _ ticket.Ticket) { r.ledger.lookupEr = errDisk }, ticket.StorageFault, "decision refuse storage_fault"},
		"no disk to write":  {func(r *rig, _ ticket.Ticket) { r.ledger.claimErr = errDisk }, ticket.StorageFault, ""},
		"a minute later":    {func(*rig, ticket.Ticket) { time.Sleep(time.Minute) }, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, staffed)
				sold := r.named(1)
				referral := r.expect(r.code(sold), ticket.Refer, ticket.IDCheck)
				c.change(r, sold)
				got, err := r.Confirm(t.Context(), referral.Seq)
				if c.want == "" {
					if !errors.Is(err, lane.ErrNoReferral) {
						t.Errorf("Confirm = %+v, %v, want ErrNoReferral", got.Verdict, err)
					}
				} else if err != nil || got.Verdict.Reason != c.want || got.Verdict.Outcome != ticket.Refuse {
					t.Errorf("Confirm = %+v, %v, want refuse %s", got.Verdict, err, c.want)
				}
				want := []string{"decision refer id_check"}
				if c.wrote != "" {
					want = append(want, c.wrote)
				}
				r.wrote(want...)
				// The refusal is no referral: a word about it would let the proof of that
				// one moment live on for as long as somebody presses the button.
				if got.Confirmable {
					t.Error("the refusal is offered to the steward again")
				}
				for _, seq := range []uint64{referral.Seq, got.Seq} {
					if again, err := r.Confirm(t.Context(), seq); !errors.Is(err, lane.ErrNoReferral) {
						t.Errorf("Confirm(%d) afterwards = %+v, %v, want ErrNoReferral", seq, again.Verdict, err)
					}
				}
			})
		})
	}
}

// What no steward may settle is not offered, nor taken when it is asked for all
// the same.
func TestNothingToConfirm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, staffed)
		sold := r.sell(1)
		refused := r.expect(must(must(r.alice.Rotating(sold.ID, time.Now().Add(-time.Minute))).Text(time.Now().Add(-time.Minute), nil)), ticket.Refuse, ticket.StalePass)
		shown := r.show(r.parts(nil, adult(19)))
		r.event.Classes = r.event.Classes[1:]
		unknown := r.expect(r.code(sold), ticket.Refer, ticket.ReferToStaff)
		for _, result := range []lane.Result{refused, shown, unknown} {
			if result.Confirmable || result.Seq == 0 {
				t.Errorf("offered: %+v", result)
			}
			if _, err := r.Confirm(t.Context(), result.Seq); !errors.Is(err, lane.ErrNoReferral) {
				t.Errorf("Confirm(%d) = %v, want ErrNoReferral", result.Seq, err)
			}
		}
		for _, seq := range []uint64{0, 99, 1 << 63} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			if _, err := r.Confirm(ctx, seq); !errors.Is(err, lane.ErrNoReferral) {
				t.Errorf("Confirm(%d) = %v, want ErrNoReferral", seq, err)
			}
			cancel()
		}
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t) // no steward
		r.event.Classes[0].IDCheck = true
		referral := r.expect(r.code(r.sell(1)), ticket.Refer, ticket.IDCheck)
		if _, err := r.Confirm(t.Context(), referral.Seq); referral.Confirmable || !errors.Is(err, lane.ErrNoReferral) {
			t.Errorf("a lane without a steward: confirmable %t, %v", referral.Confirmable, err)
		}
	})
}

func TestConfirmWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, staffed)
		referral := r.expect(r.code(r.named(1)), ticket.Refer, ticket.IDCheck)
		for n := range byte(lane.MaxGranted) {
			r.expect(r.code(r.sell(n+2)), ticket.Admit, ticket.OK)
		}
		if _, err := r.Confirm(t.Context(), referral.Seq); !errors.Is(err, lane.ErrBusy) {
			t.Errorf("Confirm = %v, want ErrBusy", err)
		}
		r.gate.Push()
		synctest.Wait()
		if got, err := r.Confirm(t.Context(), referral.Seq); err != nil || got.Verdict.Outcome != ticket.Admit {
			t.Errorf("Confirm with room = %+v, %v", got.Verdict, err)
		}
		r.gate.Push()
		synctest.Wait()
		r.gate.Push()
	})
}

// The policy of the event decides what a lease is worth; the lane asks what is
// known of it at this moment.
func TestLeases(t *testing.T) {
	lease := [8]byte{1, 2, 3}
	for name, c := range map[string]struct {
		policy ticket.LeasePolicy
		lease  *[8]byte
		state  admit.LeaseState
		want   ticket.Reason
	}{
		"live":               {ticket.LeaseRequired, &lease, admit.LeaseLive, ticket.OK},
		"lapsed":             {ticket.LeaseAdvisory, &lease, admit.LeaseLapsed, ticket.LeaseLapsed},
		"lapsed, off":        {ticket.LeaseOff, &lease, admit.LeaseLapsed, ticket.OK},
		"gate offline":       {ticket.LeaseAdvisory, &lease, admit.LeaseUnknown, ticket.OK},
		"gate offline, must": {ticket.LeaseRequired, &lease, admit.LeaseUnknown, ticket.ChallengeRequired},
		"phone offline":      {ticket.LeaseAdvisory, nil, admit.LeaseLapsed, ticket.OK},
		"phone offline, must": {
			ticket.LeaseRequired, nil, admit.LeaseLive, ticket.ChallengeRequired,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, leased(c.state))
				r.event.Leases = c.policy
				sold := r.sell(1)
				s := must(r.alice.Session(sold.ID, time.Now(), pass.MaxSlots, c.lease))
				got := r.scan(must(s.Text(time.Now(), nil)))
				if got.Verdict.Reason != c.want {
					t.Fatalf("%+v, want %s", got.Verdict, c.want)
				}
				if c.want != ticket.OK {
					// A lapse ends the session and never the ticket.
					r.expect(must(r.alice.Answer(sold.ID, must(r.book.Current()), nil)), ticket.Admit, ticket.OK)
				}
				r.gate.Push()
			})
		})
	}
}

// leased is a lane that knows every session to fare so.
func leased(state admit.LeaseState) func(*rig) option {
	return func(r *rig) option {
		return func(c *lane.Config, _ *turnstile.Config) {
			checker := must(proof.New(r.Context(), proof.Config{Book: r.book}))
			r.judge = must(lane.NewJudge(r.Context(), lane.JudgeConfig{
				Gate: "north", Registry: r.ledger, Prover: checker,
				Situation: func() lane.Situation {
					return lane.Situation{Event: r.event, Mode: r.mode, Lease: func([8]byte) admit.LeaseState { return state }}
				},
			}))
			c.Judge = r.judge
		}
	}
}

// A phone whose clock is wrong shows codes of another time. A challenge does not
// ask the time.
func TestPhoneClock(t *testing.T) {
	for off, want := range map[time.Duration]ticket.Reason{
		-90 * time.Second: ticket.StalePass, 90 * time.Second: ticket.FuturePass, -3 * time.Second: ticket.OK, 3 * time.Second: ticket.OK,
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			sold := r.sell(1)
			phone := time.Now().Add(off)
			s := must(r.alice.Rotating(sold.ID, phone))
			if got := r.scan(must(s.Text(phone, nil))); got.Verdict.Reason != want {
				t.Errorf("phone off by %s: %+v, want %s", off, got.Verdict, want)
			}
			if want != ticket.OK {
				r.expect(must(r.alice.Answer(sold.ID, must(r.book.Current()), nil)), ticket.Admit, ticket.OK)
			}
			r.gate.Push()
		})
	}
}

// A gate whose clock jumps goes by the beacons, or believes nobody and asks for
// challenges. Neither a code of the past nor one of the future comes to life.
func TestGateClockJumps(t *testing.T) {
	for name, c := range map[string]struct {
		jump           time.Duration
		disciplined    bool          // the kernel says that it knows the time
		beacons        bool          // central is heard
		honest, jumped ticket.Reason // what becomes of a code of the true time, and of the jumped one
	}{
		"back, alone":                   {-time.Hour, true, false, ticket.ChallengeRequired, ticket.ChallengeRequired},
		"back, with beacons":            {-time.Hour, true, true, ticket.OK, ticket.StalePass},
		"forward, with beacons":         {time.Hour, true, true, ticket.ChallengeRequired, ticket.ChallengeRequired},
		"forward, alone, undisciplined": {time.Hour, false, false, ticket.ChallengeRequired, ticket.ChallengeRequired},
		"back, alone, undisciplined":    {-time.Hour, false, false, ticket.ChallengeRequired, ticket.ChallengeRequired},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				off := time.Duration(0)
				system := func() time.Time { return time.Now().Round(0).Add(off) }
				kernel := clock.Kernel{Synchronised: c.disciplined, MaxError: 10 * time.Millisecond}
				clk := must(clock.New(t.Context(), clock.Config{Now: system, Kernel: func() (clock.Kernel, error) { return kernel, nil }}))
				r := newRig(t, func(*rig) option { return func(c *lane.Config, _ *turnstile.Config) { c.Clock = clk } })
				r.event.Doors, r.event.Ends = r.event.Doors-86400, r.event.Ends+86400
				clk.Read()
				hear := func(n int) { // at their beat they prove the time
					for range n {
						if c.beacons {
							time.Sleep(30 * time.Second)
							clk.Beacon(time.Now().Truncate(time.Second))
						}
					}
				}
				hear(3)
				off = c.jump
				hear(2)
				code := func(sold ticket.Ticket, at time.Time) string {
					s := must(r.alice.Rotating(sold.ID, at))
					return must(s.Text(at, nil))
				}
				jumped, honest := r.sell(1), r.sell(2)
				if got := r.scan(code(jumped, time.Now().Add(c.jump))); got.Verdict.Reason != c.jumped {
					t.Errorf("a code of the jumped clock: %+v, want %s", got.Verdict, c.jumped)
				}
				if got := r.scan(code(honest, time.Now())); got.Verdict.Reason != c.honest {
					t.Errorf("a code of the true time: %+v, want %s", got.Verdict, c.honest)
				}
				r.gate.Push()
				synctest.Wait()
				time.Sleep(4 * time.Second)
				r.expect(must(r.alice.Answer(jumped.ID, must(r.book.Current()), nil)), ticket.Admit, ticket.OK)
				r.gate.Push()
			})
		})
	}
}

// A screenshot is worth nothing fifteen seconds later, at the lane as in the rules.
func TestScreenshotAtTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		sold := r.sell(1)
		picture := r.code(sold)
		time.Sleep(15 * time.Second)
		r.expect(picture, ticket.Refuse, ticket.StalePass)
		r.wrote("decision refuse stale_pass")
	})
}

// The dry run of a presentation says what the lane would, and leaves no trace.
func TestCheckPresentation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, staffed)
		n := must(r.book.Current())
		texts := r.parts(nil, crew(7))
		packed := assembled(t, texts)
		for range 2 {
			e, err := r.judge.CheckPresentation(t.Context(), packed, n, systemClock{}.Read())
			if err != nil || e.Verdict.Outcome != ticket.Admit || e.Form != lane.Presented || e.Holder != "did:key:z1" || len(e.Credentials) != 1 || e.Ticket == "" || e.Hint != "" {
				t.Fatalf("%+v, %v", e, err)
			}
		}
		late := clock.Reading{Now: time.Now().Add(time.Minute)}
		if e, err := r.judge.CheckPresentation(t.Context(), packed, n, late); err != nil || e.Verdict.Reason != ticket.NonceUnknown || e.Hint == "" {
			t.Errorf("a minute later: %+v, %v", e, err)
		}
		r.wrote()
		if got := r.show(texts); got.Verdict.Outcome != ticket.Admit {
			t.Errorf("the nonce was used up: %+v", got.Verdict)
		}
		r.gate.Push()
		if e := r.ledger.entries[0]; e.Kind != journal.Decision {
			t.Errorf("%+v", e)
		}
	})
}
