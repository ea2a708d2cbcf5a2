package main

import (
	"crypto/sha256"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/clock"
	"github.com/con-ting/conting/gate/lane"
	"github.com/con-ting/conting/gate/proof"
	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// deskOf is a staff lane of the office's event: the real verifier of credentials,
// the real checker of proofs and the rules, without a gate around them.
type deskOf struct {
	*office
	issued *credentials
	judge  *lane.Judge
	store  *store.Store
}

func newDesk(t testing.TB) *deskOf {
	t.Helper()
	o := newOffice(t)
	st, err := store.Open(t.Context(), store.Config{Path: t.TempDir() + "/gate.db", Device: "north-1", Now: time.Now})
	o.ok(err)
	t.Cleanup(func() { _ = st.Close() })
	d := &deskOf{office: o, store: st}
	d.issued, err = newCredentials(t.Context(), st)
	o.ok(err)
	list := o.trusted()
	o.ok(d.issued.trust(t.Context(), &list))
	d.issued.keep(store.StatusList{URL: crewList, Issued: 1, JWT: o.statusList(o.crew, crewList, o.now.Add(-2*time.Hour), 6)})
	checker, err := proof.New(t.Context(), proof.Config{Credentials: d.issued, Gate: "north-1"})
	o.ok(err)
	d.judge, err = lane.NewJudge(t.Context(), lane.JudgeConfig{
		Gate: "north", Registry: memory{Store: st, gate: "north"}, Prover: checker, Presenter: checker, Staff: true,
		Situation: func() lane.Situation { return lane.Situation{Event: &o.event} },
	})
	o.ok(err)
	return d
}

func (d *deskOf) nonce() pass.Nonce {
	return pass.Nonce{Gate: "north-1", Value: [8]byte{1, 2, 3}, Issued: d.now.Unix()}
}

func (d *deskOf) shown(packed []byte, n pass.Nonce) lane.Explanation {
	d.t.Helper()
	e, err := d.judge.CheckPresentation(d.t.Context(), packed, n, clock.Reading{Now: d.now.Add(time.Second)})
	d.ok(err)
	return e
}

// Every hostile presentation that the issue of credentials has been known for is
// shown to a staff lane. The good one is admitted, so that a refusal means something.
func TestHostilePresentations(t *testing.T) {
	d := newDesk(t)
	n := d.nonce()
	other := n
	other.Gate = "south-1"
	good := d.present(d.rigger, n, d.staff(d.crew, nil))
	inside := func(change func(string) any) string {
		return d.forge(d.rigger, good, func(_, payload map[string]any) {
			holding(payload, change(d.staff(d.crew, nil)))
		})
	}
	for name, c := range map[string]struct {
		vp      string
		outcome ticket.Outcome
		reason  ticket.Reason
	}{
		"good":                     {good, ticket.Admit, ticket.OK},
		"good, resigned":           {d.forge(d.rigger, good, func(_, _ map[string]any) {}), ticket.Admit, ticket.OK},
		"an age":                   {d.present(d.rigger, n, d.age(d.city, nil)), ticket.Refer, ticket.CredentialShown},
		"alg none":                 {unsigned(d.office, good), ticket.Refuse, ticket.CredentialInvalid},
		"signed by a thief":        {d.forge(d.thief, good, func(_, _ map[string]any) {}), ticket.Refuse, ticket.CredentialInvalid},
		"nested alg none":          {inside(func(vc string) any { return unsigned(d.office, vc) }), ticket.Refuse, ticket.CredentialInvalid},
		"nested without signature": {inside(func(vc string) any { return vc[:strings.LastIndex(vc, ".")+1] }), ticket.Refuse, ticket.CredentialInvalid},
		"nested plain JSON": {inside(func(string) any {
			return map[string]any{"@context": []any{"https://www.w3.org/2018/credentials/v1"}, "type": []any{"VerifiableCredential", "StaffCredential"}}
		}), ticket.Refuse, ticket.CredentialInvalid},
		"nothing nested": {d.forge(d.rigger, good, func(_, p map[string]any) {
			holding(p)
		}), ticket.Refuse, ticket.CredentialInvalid},
		"expired": {d.present(d.rigger, n, d.staff(d.crew, func(c *credential.Credential) {
			c.Issued, c.Expires = d.now.Add(-48*time.Hour), d.now
		})), ticket.Refuse, ticket.CredentialExpired},
		"not yet": {d.present(d.rigger, n, d.staff(d.crew, func(c *credential.Credential) {
			c.Issued = d.now.Add(time.Hour)
		})), ticket.Refuse, ticket.CredentialExpired},
		"revoked": {d.present(d.rigger, n, d.staff(d.crew, func(c *credential.Credential) { c.Status.Index = 6 })), ticket.Refuse, ticket.CredentialRevoked},
		"no status list here": {d.present(d.rigger, n, d.age(d.city, func(c *credential.Credential) {
			c.Status = &credential.StatusRef{List: cityList, Index: 1}
		})), ticket.Refuse, ticket.CredentialInvalid},
		"list of another issuer": {d.present(d.rigger, n, d.age(d.city, func(c *credential.Credential) {
			c.Status = &credential.StatusRef{List: crewList, Index: 1}
		})), ticket.Refuse, ticket.CredentialInvalid},
		"unknown issuer":             {d.present(d.rigger, n, d.staff(d.stranger, nil)), ticket.Refuse, ticket.IssuerUnknown},
		"issuer of other things":     {d.present(d.rigger, n, d.staff(d.city, nil)), ticket.Refuse, ticket.IssuerUnknown},
		"another's credential":       {d.present(d.thief, n, d.staff(d.crew, nil)), ticket.Refuse, ticket.CredentialInvalid},
		"another's beside their own": {d.present(d.thief, n, d.staff(d.crew, nil), d.age(d.city, func(c *credential.Credential) { c.Subject = d.did(d.signer(d.thief)) })), ticket.Refuse, ticket.CredentialInvalid},
		"for another gate":           {d.forge(d.rigger, good, func(_, p map[string]any) { p["aud"] = proof.Audience("south-1") }), ticket.Refuse, ticket.CredentialInvalid},
		"for two gates": {d.forge(d.rigger, good, func(_, p map[string]any) {
			p["aud"] = []any{proof.Audience("south-1"), proof.Audience("north-1")}
		}), ticket.Refuse, ticket.CredentialInvalid},
		"another gate's nonce": {d.forge(d.rigger, good, func(_, p map[string]any) { p["nonce"] = other.Text() }), ticket.Refuse, ticket.NonceUnknown},
		"no nonce":             {d.forge(d.rigger, good, func(_, p map[string]any) { delete(p, "nonce") }), ticket.Refuse, ticket.NonceUnknown},
		"run out":              {d.forge(d.rigger, good, func(_, p map[string]any) { p["exp"], p["nbf"] = d.now.Unix()-3600, d.now.Unix()-3660 }), ticket.Refuse, ticket.CredentialInvalid},
		"for another event": {d.present(d.rigger, n, d.staff(d.crew, func(c *credential.Credential) {
			c.Staff.Events = []ticket.EventID{d.event.ID + 1}
		})), ticket.Refuse, ticket.AccreditationMissing},
		"of a visitor's class": {d.present(d.rigger, n, d.staff(d.crew, func(c *credential.Credential) { c.Staff.Class = 1 })), ticket.Refuse, ticket.AccreditationMissing},
	} {
		e := d.shown(d.pack(c.vp), n)
		if e.Verdict.Outcome != c.outcome || e.Verdict.Reason != c.reason {
			t.Errorf("%s: %s %s (%s), want %s %s", name, e.Verdict.Outcome, e.Verdict.Reason, e.Hint, c.outcome, c.reason)
		}
		if genuine := c.outcome != ticket.Refuse || c.reason == ticket.CredentialExpired || c.reason == ticket.CredentialRevoked ||
			c.reason == ticket.AccreditationMissing; !genuine && c.reason != ticket.CredentialInvalid && len(e.Credentials) > 0 {
			t.Errorf("%s: it shows %+v of what nobody vouches for", name, e.Credentials)
		}
	}
}

// holding puts other credentials into the payload of a presentation.
func holding(payload map[string]any, all ...any) {
	if vp, ok := payload["vp"].(map[string]any); ok {
		vp["verifiableCredential"] = append([]any{}, all...)
	}
}

// What a screen says of a good one: who issued it, and how old the list is.
func TestShownOfAPresentation(t *testing.T) {
	d := newDesk(t)
	n := d.nonce()
	vp := d.present(d.rigger, n, d.staff(d.crew, nil), d.age(d.city, nil))
	e := d.shown(d.pack(vp), n)
	if len(e.Credentials) != 2 || e.Holder != string(d.did(d.signer(d.rigger))) {
		t.Fatalf("%+v", e)
	}
	c := e.Credentials[0]
	if c.IssuerName != "Crew office" || c.Role != "rigger" || c.Class != crewClass || !c.Revocable || !c.StatusKnown || c.StatusAge != 2*time.Hour+time.Second {
		t.Errorf("staff credential %+v", c)
	}
	if a := e.Credentials[1]; a.IssuerName != "City" || a.Over != 19 || a.Revocable || a.StatusKnown {
		t.Errorf("age credential %+v", a)
	}
	want := sha256.Sum256([]byte("conting/presented/v1\x00" + "urn:uuid:11111111-1111-4111-8111-111111111111" + e.Holder))
	if e.Ticket != ticket.ID(want[:16]).String() {
		t.Errorf("ticket %s, want %x", e.Ticket, want[:16])
	}
}

// No bit of a presentation is free, but for those that pad the end of the DEFLATE
// stream to whole bytes, in its last block of five: they belong to nothing that is
// said.
func TestEveryBitOfAPresentation(t *testing.T) {
	d := newDesk(t)
	n := d.nonce()
	packed := d.pack(d.present(d.rigger, n, d.staff(d.crew, nil)))
	if e := d.shown(packed, n); e.Verdict.Outcome != ticket.Admit {
		t.Fatalf("the presentation itself: %+v", e.Verdict)
	}
	text, err := credential.Unpack(packed)
	d.ok(err)
	step, padding := 1, 0
	if testing.Short() {
		step = 13
	}
	for bit := 0; bit < 8*len(packed); bit += step {
		packed[bit/8] ^= 1 << (bit % 8)
		if same, err := credential.Unpack(packed); err == nil && same == text && bit/8 >= len(packed)-5 {
			padding++
		} else if e := d.shown(packed, n); e.Verdict.Outcome == ticket.Admit {
			t.Errorf("admitted with bit %d of byte %d flipped", bit%8, bit/8)
		}
		packed[bit/8] ^= 1 << (bit % 8)
	}
	if padding > 7 {
		t.Errorf("%d bits of the last block say nothing", padding)
	}
	for i := range packed {
		if e := d.shown(packed[:i:i], n); e.Verdict.Outcome == ticket.Admit {
			t.Errorf("admitted when cut to %d bytes", i)
		}
	}
	if e := d.shown(append(packed, 0), n); e.Verdict.Outcome == ticket.Admit {
		t.Error("admitted with a byte after it")
	}
}

// An issuer's list is taken from that issuer's addresses alone, so that no other
// registrar can revoke, or hide, what is not theirs.
func TestOpenStatusList(t *testing.T) {
	d := newDesk(t)
	issued := d.now.Add(-time.Hour).Truncate(time.Second)
	if at, err := d.issued.open(t.Context(), crewList, d.statusList(d.crew, crewList, issued), d.now); err != nil || !at.Equal(issued) {
		t.Errorf("the issuer's own list: %s, %v", at, err)
	}
	for name, c := range map[string]struct {
		url, jwt string
		want     error
	}{
		"of another issuer":       {crewList, d.statusList(d.city, crewList, issued), errNotAddress},
		"at an address of nobody": {"https://crew.example/2", d.statusList(d.crew, "https://crew.example/2", issued), errNotAddress},
		"of a stranger":           {crewList, d.statusList(d.stranger, crewList, issued), credential.ErrIssuer},
		"under another address":   {crewList, d.statusList(d.crew, cityList, issued), credential.ErrMalformed},
		"run out":                 {crewList, d.statusList(d.crew, crewList, issued.Add(-49*time.Hour)), credential.ErrExpired},
		"from the future":         {crewList, d.statusList(d.crew, crewList, d.now.Add(time.Hour)), credential.ErrExpired},
		"not a list":              {crewList, d.staff(d.crew, nil), credential.ErrMalformed},
		"nothing":                 {crewList, "", credential.ErrMalformed},
	} {
		if at, err := d.issued.open(t.Context(), c.url, c.jwt, d.now); !errors.Is(err, c.want) {
			t.Errorf("%s: %s, %v, want %v", name, at, err, c.want)
		}
	}
}

// A newer list takes effect at once, and a newer trust list drops an issuer.
func TestCredentialsFollowTheWorld(t *testing.T) {
	d := newDesk(t)
	n := d.nonce()
	packed := d.pack(d.present(d.rigger, n, d.staff(d.crew, nil)))
	is := func(want ticket.Reason) {
		t.Helper()
		if e := d.shown(packed, n); e.Verdict.Reason != want {
			t.Errorf("%s (%s), want %s", e.Verdict.Reason, e.Hint, want)
		}
	}
	is(ticket.OK)
	d.issued.keep(store.StatusList{URL: crewList, Issued: 2, JWT: d.statusList(d.crew, crewList, d.now, 5)})
	is(ticket.CredentialRevoked)
	list := d.trusted()
	list.Issuers = list.Issuers[:1]
	d.ok(d.issued.trust(t.Context(), &list))
	is(ticket.IssuerUnknown)
	// An issuer that cannot be read is left out; the others count, and nobody who is
	// not on the list any more.
	list = d.trusted()
	list.Issuers[0].DID = "did:key:nonsense"
	if err := d.issued.trust(t.Context(), &list); !errors.Is(err, credential.ErrMalformed) {
		t.Errorf("an issuer without a key: %v, want ErrMalformed", err)
	}
	is(ticket.CredentialRevoked)
	list.Issuers = list.Issuers[:1]
	if err := d.issued.trust(t.Context(), &list); err == nil {
		t.Error("an issuer without a key was adopted")
	}
	is(ticket.IssuerUnknown)
	none := &credentials{lists: maps.Clone(d.issued.lists)}
	if _, err := none.Presentation(t.Context(), packed, "a", "n", d.now); !errors.Is(err, errNoIssuers) {
		t.Errorf("without a trust list: %v", err)
	}
	if _, err := none.open(t.Context(), crewList, "", d.now); !errors.Is(err, errNoIssuers) {
		t.Errorf("without a trust list: %v", err)
	}
}

// Whoever keeps newer trust lists from a gate keeps no issuer alive past the end of
// the one that it has, neither in what is shown nor in the lists that it takes.
func TestIssuersEndWithTheirTrustList(t *testing.T) {
	d := newDesk(t)
	list := d.trusted()
	list.Expires = d.now.Add(time.Second).Unix()
	d.ok(d.issued.trust(t.Context(), &list))
	n := d.nonce()
	packed := d.pack(d.present(d.rigger, n, d.staff(d.crew, nil)))
	audience, before, end := proof.Audience("north-1"), d.now, d.now.Add(time.Second)
	if s, err := d.issued.Presentation(t.Context(), packed, audience, n.Text(), before); err != nil || len(s.All) != 1 {
		t.Fatalf("while the list is in force: %+v, %v", s, err)
	}
	if s, err := d.issued.Presentation(t.Context(), packed, audience, n.Text(), end); !errors.Is(err, proof.ErrIssuer) || len(s.All) != 0 {
		t.Errorf("when the list is over: %+v, %v, want ErrIssuer", s, err)
	}
	jwt := d.statusList(d.crew, crewList, d.now.Add(-time.Hour))
	if _, err := d.issued.open(t.Context(), crewList, jwt, before); err != nil {
		t.Errorf("a status list while the trust list is in force: %v", err)
	}
	if _, err := d.issued.open(t.Context(), crewList, jwt, end); !errors.Is(err, trust.ErrExpired) {
		t.Errorf("a status list when the trust list is over: %v, want ErrExpired", err)
	}
	if e := d.shown(packed, n); e.Verdict.Reason != ticket.IssuerUnknown || !strings.Contains(e.Hint, "trust list ended") {
		t.Errorf("%s (%s)", e.Verdict.Reason, e.Hint)
	}
}

// A gate that starts when its newest trust list is over does not fall back on the
// one of its enrolment, which may name whom the newer one dropped.
func TestNoOlderTrustListAfterTheNewest(t *testing.T) {
	o := newOffice(t)
	a, _, conf := o.gateFor(steward)
	c, err := loadConfig(conf)
	o.ok(err)
	u, err := a.unlock(t.Context(), &c)
	o.ok(err)
	defer func() { _ = u.store.Close() }()
	newer := o.trusted()
	newer.Version, newer.Expires, newer.Issuers = 3, o.now.Add(time.Hour).Unix(), newer.Issuers[:1]
	signed, err := trust.SignList(newer, o.root)
	o.ok(err)
	o.ok(u.store.SetMeta(t.Context(), store.MetaTrustList, signed))
	for name, in := range map[string]struct {
		at   time.Time
		want uint64
	}{"in force": {o.now, 3}, "over": {o.now.Add(time.Hour), 0}} {
		list, ring, err := trusted(t.Context(), u.id, u.store, in.at)
		if list == nil {
			list = &trust.List{}
		}
		if err != nil || list.Version != in.want || (ring == nil) != (in.want == 0) {
			t.Errorf("%s: version %d, a keyring %t, %v, want version %d", name, list.Version, ring != nil, err, in.want)
		}
		// Doctor must not call it well that nobody's credentials count.
		a.now = func() time.Time { return in.at }
		if _, err := a.readLists(&c, nil)(t.Context()); errors.Is(err, errUntrusted) != (in.want == 0) {
			t.Errorf("%s: doctor reads the status lists: %v", name, err)
		}
	}
}

func FuzzCredentialsNonce(f *testing.F) {
	d := newDesk(f)
	packed := d.pack(d.present(d.rigger, d.nonce(), d.staff(d.crew, nil)))
	f.Add(packed)
	f.Add(packed[:70])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := d.issued.Nonce(data)
		if err != nil && got != "" {
			t.Errorf("Nonce = %q, %v", got, err)
		}
	})
}

func BenchmarkPresentation(b *testing.B) {
	d := newDesk(b)
	n := d.nonce()
	packed := d.pack(d.present(d.rigger, n, d.staff(d.crew, nil)))
	b.ReportAllocs()
	for b.Loop() {
		if e := d.shown(packed, n); e.Verdict.Outcome != ticket.Admit {
			b.Fatal(e.Verdict)
		}
	}
}
