package identity_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/identity"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

func TestNewRefuses(t *testing.T) {
	w := start(t)
	for name, change := range map[string]func(*identity.Config){
		"no store":    func(c *identity.Config) { c.Store = nil },
		"no people":   func(c *identity.Config) { c.People = nil },
		"no tickets":  func(c *identity.Config) { c.Tickets = nil },
		"no clock":    func(c *identity.Config) { c.Now = nil },
		"no logger":   func(c *identity.Config) { c.Logger = nil },
		"no interval": func(c *identity.Config) { c.FetchEvery = time.Millisecond },
	} {
		cfg := w.cfg
		change(&cfg)
		if _, err := identity.New(t.Context(), cfg); err == nil {
			t.Errorf("%s: New passed", name)
		}
	}
}

// A DID is an account's own only when both keys have signed for the other.
func TestEnrolRefuses(t *testing.T) {
	w := start(t)
	mina, jun := w.person("mina"), w.enrolled("jun")
	used := w.enrolment(mina)
	first := used
	if _, err := w.Enrol(t.Context(), mina.Person, first); err != nil {
		t.Fatal(err)
	}
	ed, err := credential.KeyDID(w.registrar.Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*identity.Enrolment)
		want   error
	}{
		"used challenge":      {func(e *identity.Enrolment) { *e = used }, account.ErrChallenge},
		"no signature":        {func(e *identity.Enrolment) { e.Signature = nil }, identity.ErrDID},
		"a flipped bit":       {func(e *identity.Enrolment) { e.Signature[40] ^= 1 }, identity.ErrDID},
		"the upper half of s": {func(e *identity.Enrolment) { e.Signature = highS(e.Signature) }, identity.ErrDID},
		"another DID": {func(e *identity.Enrolment) {
			e.DID = jun.did
		}, identity.ErrDID},
		"another DID that its own key vouches for": {func(e *identity.Enrolment) {
			sig, err := jun.key.Sign(identity.DIDMessage(e.Challenge, jun.did, mina.Passkey.Key))
			w.must(err)
			e.DID, e.Signature = jun.did, sig[:]
		}, account.ErrAssertion},
		"another account's DID, its key and this passkey agreeing": {func(e *identity.Enrolment) {
			sig, err := jun.key.Sign(identity.DIDMessage(e.Challenge, jun.did, mina.Passkey.Key))
			w.must(err)
			e.DID, e.Signature, e.Assertion = jun.did, sig[:], w.assert(mina, identity.DIDTerms(e.Challenge, jun.did))
		}, identity.ErrDIDTaken},
		"signed for another passkey": {func(e *identity.Enrolment) {
			sig, err := mina.key.Sign(identity.DIDMessage(e.Challenge, mina.did, jun.Passkey.Key))
			w.must(err)
			e.Signature = sig[:]
		}, identity.ErrDID},
		"another passkey's assertion": {func(e *identity.Enrolment) {
			e.Assertion = w.assert(jun, identity.DIDTerms(e.Challenge, mina.did))
		}, account.ErrAssertion},
		"an assertion over the challenge alone": {func(e *identity.Enrolment) {
			e.Assertion = w.assert(mina, e.Challenge)
		}, account.ErrAssertion},
		"a challenge for something else": {func(e *identity.Enrolment) {
			c := w.challenge(mina, account.Transfer)
			sig, err := mina.key.Sign(identity.DIDMessage(c, mina.did, mina.Passkey.Key))
			w.must(err)
			*e = identity.Enrolment{DID: mina.did, Challenge: c, Signature: sig[:], Assertion: w.assert(mina, identity.DIDTerms(c, mina.did))}
		}, account.ErrChallenge},
		"an Ed25519 key": {func(e *identity.Enrolment) { e.DID = ed }, identity.ErrDID},
		"a did:web":      {func(e *identity.Enrolment) { e.DID = "did:web:example.org" }, identity.ErrDID},
		"no DID":         {func(e *identity.Enrolment) { e.DID = "" }, identity.ErrDID},
	} {
		e := w.enrolment(mina)
		c.change(&e)
		_, err := w.Enrol(t.Context(), mina.Person, e)
		w.refused(name, err, c.want)
	}
	if d, err := w.DID(t.Context(), "mina"); err != nil || d.DID != mina.did {
		t.Errorf("after all that mina has %+v, %v", d, err)
	}
	if _, err := w.DID(t.Context(), "nobody"); !errors.Is(err, identity.ErrNoDID) {
		t.Errorf("DID of nobody: %v", err)
	}
}

// highS is the other signature that ECDSA allows for the same message.
func highS(raw []byte) []byte {
	order := []byte{
		0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
	}
	out, borrow := slices.Clone(raw), 0
	for i := 31; i >= 0; i-- {
		d := int(order[i]) - int(raw[32+i]) - borrow
		borrow = 0
		if d < 0 {
			d, borrow = d+256, 1
		}
		out[32+i] = byte(d)
	}
	return out
}

func TestCredentialRefusals(t *testing.T) {
	w := start(t)
	mina, jun := w.enrolled("mina"), w.enrolled("jun")
	without := w.person("sora")
	if _, err := w.SaveStatusList(t.Context(), statusURL, w.status(w.registrar, 7)); err != nil {
		t.Fatal(err)
	}
	listed := func(list string, index uint32) credential.Credential {
		c := w.familyVC(mina, jun)
		c.Status = &credential.StatusRef{List: list, Index: index}
		return c
	}
	by := func(s trust.Signer, c credential.Credential) string {
		jwt, err := credential.Issue(s, c)
		w.must(err)
		return jwt
	}
	good := w.issue(w.familyVC(mina, jun))
	parts := strings.Split(good, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + "."
	expired, early := w.ageVC(mina, 19), w.ageVC(mina, 19)
	expired.Issued, expired.Expires = w.now().Add(-48*time.Hour), w.now()
	early.Issued = w.now().Add(time.Hour)
	for name, c := range map[string]struct {
		who  *person
		jwt  string
		want error
	}{
		"expired":                        {mina, w.issue(expired), credential.ErrExpired},
		"not yet in force":               {mina, w.issue(early), credential.ErrExpired},
		"revoked":                        {mina, w.issue(listed(statusURL, 7)), credential.ErrRevoked},
		"of unknown status":              {mina, w.issue(listed("https://registrar.example/status/2.jwt", 1)), credential.ErrStatusUnknown},
		"of an unknown issuer":           {mina, by(w.stranger, w.familyVC(mina, jun)), credential.ErrIssuer},
		"for another subject":            {jun, good, credential.ErrSubject},
		"alg none":                       {mina, none, credential.ErrMalformed},
		"alg none with the signature":    {mina, none + parts[2], credential.ErrMalformed},
		"a changed signature":            {mina, parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])), credential.ErrBadSignature},
		"another's payload":              {mina, parts[0] + "." + strings.Split(w.issue(w.ageVC(mina, 99)), ".")[1] + "." + parts[2], credential.ErrBadSignature},
		"plain JSON":                     {mina, `{"type":["VerifiableCredential"]}`, credential.ErrMalformed},
		"nothing":                        {mina, "", credential.ErrMalformed},
		"too long":                       {mina, good + strings.Repeat("A", 70_000), credential.ErrMalformed},
		"to somebody without identifier": {without, good, identity.ErrNoDID},
	} {
		_, err := w.AddCredential(t.Context(), c.who.Person, c.jwt)
		w.refused(name, err, c.want)
	}
	if f, err := w.Family(t.Context(), "mina"); err != nil || len(f) != 0 {
		t.Errorf("after refusals mina's family is %+v, %v", f, err)
	}
	if age, err := w.Age(t.Context(), "mina"); age != 0 || err != nil {
		t.Errorf("after refusals mina's age is %d, %v", age, err)
	}
	only := w.listing(w.registrar)
	only.Accepts = []string{"age"}
	if _, err := w.SaveIssuer(t.Context(), only); err != nil {
		t.Fatal(err)
	}
	_, err := w.AddCredential(t.Context(), mina.Person, good)
	w.refused("of a kind that the issuer is not believed about", err, credential.ErrIssuer)
}

func TestCredentialsAndFamily(t *testing.T) {
	w := start(t)
	mina, jun := w.enrolled("mina"), w.enrolled("jun")
	w.enrolled("stranger")
	far := w.person("far") // a relative without an account's DID
	rel := w.shows(mina, w.familyVC(mina, jun))
	w.shows(mina, w.familyVC(mina, far))
	if again, err := w.AddCredential(t.Context(), mina.Person, rel.JWT); err != nil || again.Number != rel.Number {
		t.Errorf("the same credential again = %+v, %v; want number %d", again, err, rel.Number)
	}
	for who, want := range map[string]identity.Relative{
		"mina": {DID: jun.did, Key: jun.Passkey.Key, Name: "j***@x.kr", Relation: "child", Until: rel.Verified.Expires.Truncate(time.Second)},
		"jun":  {DID: mina.did, Key: mina.Passkey.Key, Name: "m***@x.kr", Relation: "parent", Until: rel.Verified.Expires.Truncate(time.Second)},
	} {
		f, err := w.Family(t.Context(), who)
		if err != nil || len(f) != 1 || !f[0].Until.Equal(want.Until) {
			t.Fatalf("family of %s = %+v, %v; want %+v", who, f, err, want)
		}
		if f[0].Until = want.Until; f[0] != want {
			t.Errorf("family of %s = %+v, want %+v", who, f, want)
		}
	}
	for _, nobody := range []string{"stranger", "far", "?"} {
		if f, err := w.Family(t.Context(), nobody); err != nil || len(f) != 0 {
			t.Errorf("family of %s = %+v, %v; want none", nobody, f, err)
		}
	}
	w.shows(mina, w.ageVC(mina, 15))
	w.shows(mina, w.ageVC(mina, 19))
	all, err := w.Credentials(t.Context(), "mina")
	if err != nil || len(all) != 4 || all[0].Verified.Age.Over != 19 || all[3].Verified.Family.Relative != jun.did {
		t.Errorf("Credentials = %+v, %v", all, err)
	}
	if age, err := w.Age(t.Context(), "mina"); age != 19 || err != nil {
		t.Errorf("Age = %d, %v; want 19", age, err)
	}
	w.refused("another's credential", w.RemoveCredential(t.Context(), "jun", rel.Number), identity.ErrUnknownCredential)
	w.must(w.RemoveCredential(t.Context(), "mina", rel.Number))
	w.refused("a removed credential", w.RemoveCredential(t.Context(), "mina", rel.Number), identity.ErrUnknownCredential)
	if f, err := w.Family(t.Context(), "jun"); err != nil || len(f) != 0 {
		t.Errorf("family of jun after mina withdrew it = %+v, %v", f, err)
	}
	for range 5 { // which fills no table
		if again, err := w.AddCredential(t.Context(), mina.Person, rel.JWT); err != nil || again.Number != rel.Number || again.State != identity.Valid {
			t.Errorf("shown once more = %+v, %v; want number %d", again, err, rel.Number)
		}
		w.must(w.RemoveCredential(t.Context(), "mina", rel.Number))
	}
	w.advance(400 * 24 * time.Hour)
	if age, err := w.Age(t.Context(), "mina"); age != 0 || err != nil {
		t.Errorf("Age after the credential's end = %d, %v", age, err)
	}
	if all, _ := w.Credentials(t.Context(), "mina"); all[0].Standing(w.now()) != identity.Expired || all[3].Standing(w.now()) != identity.Removed {
		t.Errorf("Credentials after a year = %+v", all)
	}
}

// A flipped bit revokes what depended on it.
func TestStatusListRevokes(t *testing.T) {
	w := start(t)
	mina, jun := w.enrolled("mina"), w.enrolled("jun")
	take := func(jwt string) (int, error) { return w.SaveStatusList(t.Context(), statusURL, jwt) }
	first := w.status(w.registrar)
	if n, err := take(first); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	entry := func(c credential.Credential, n uint32) credential.Credential {
		c.Status = &credential.StatusRef{List: statusURL, Index: n}
		return c
	}
	w.shows(mina, entry(w.familyVC(mina, jun), 1))
	w.shows(mina, entry(w.ageVC(mina, 19), 2))
	w.shows(mina, entry(w.staffVC(mina, adult), 3))
	w.shows(mina, entry(w.ageVC(mina, 15), 4))
	told := len(w.kinds(0))
	if n, err := take(first); n != 0 || err != nil || w.published.Load() != 1 {
		t.Errorf("the same list again = %d, %v, published %d times; want nothing", n, err, w.published.Load())
	}
	w.advance(-time.Hour)
	older := w.status(w.registrar, 1, 2, 3)
	w.advance(2 * time.Hour)
	_, err := take(older)
	w.refused("an older list", err, identity.ErrOlderStatus)
	_, err = take(w.status(w.stranger, 1, 2, 3))
	w.refused("a list of an unknown issuer", err, credential.ErrIssuer)
	if _, err := w.SaveIssuer(t.Context(), func() trust.Issuer { is := w.listing(w.stranger); is.StatusURLs = nil; return is }()); err != nil {
		t.Fatal(err)
	}
	_, err = take(w.status(w.stranger, 1, 2, 3))
	w.refused("a list of another issuer at this address", err, identity.ErrStatusURL)
	if f, _ := w.Family(t.Context(), "mina"); len(f) != 1 {
		t.Fatal("a refused list had an effect")
	}
	if n, err := take(w.status(w.registrar, 1, 2, 3)); n != 3 || err != nil {
		t.Errorf("the list that revokes three = %d, %v", n, err)
	}
	if f, _ := w.Family(t.Context(), "mina"); len(f) != 0 {
		t.Errorf("family after the revocation = %+v", f)
	}
	if age, _ := w.Age(t.Context(), "mina"); age != 15 {
		t.Errorf("age after the revocation = %d, want 15", age)
	}
	owned, err := w.sale.Owned(t.Context(), "mina")
	if err != nil || len(owned) != 1 || owned[0].State != sale.TicketRevoked {
		t.Errorf("accreditation after the revocation = %+v, %v", owned, err)
	}
	if got := w.kinds(told); len(got) != 1 || got[0] != sale.TicketStatus {
		t.Errorf("the gates were told %v, want one status", got)
	}
	w.restart()
	w.advance(time.Hour)
	if n, err := take(w.status(w.registrar)); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	if f, _ := w.Family(t.Context(), "mina"); len(f) != 0 {
		t.Error("a revocation was taken back by a later list")
	}
	if lists, err := w.StatusLists(t.Context()); err != nil || len(lists) != 1 || !lists[0].Issued.Equal(w.now().Truncate(time.Second)) {
		t.Errorf("StatusLists = %+v, %v", lists, err)
	}
}

func TestIssuers(t *testing.T) {
	w := start(t)
	mina, jun := w.enrolled("mina"), w.enrolled("jun")
	w.shows(mina, w.familyVC(mina, jun))
	w.shows(mina, w.ageVC(mina, 19))
	w.shows(mina, w.staffVC(mina, adult))
	if _, err := w.SaveStatusList(t.Context(), statusURL, w.status(w.registrar)); err != nil {
		t.Fatal(err)
	}
	listed := w.listed.Load()
	narrow := w.listing(w.registrar)
	narrow.Name, narrow.Accepts = "renamed", []string{"age"}
	if announced, err := w.SaveIssuer(t.Context(), narrow); !announced || err != nil || w.listed.Load() != listed+1 {
		t.Errorf("SaveIssuer = %v, %v, %d announcements", announced, err, w.listed.Load()-listed)
	}
	if f, _ := w.Family(t.Context(), "mina"); len(f) != 0 {
		t.Error("a relation counts whose issuer is not believed about families")
	}
	if o, _ := w.sale.Owned(t.Context(), "mina"); len(o) != 1 || o[0].State != sale.TicketRevoked {
		t.Errorf("accreditation of an issuer that is not believed about staff = %+v", o)
	}
	if age, _ := w.Age(t.Context(), "mina"); age != 19 {
		t.Errorf("age = %d, want 19: the issuer is still believed about that", age)
	}
	if all, err := w.Issuers(t.Context()); err != nil || len(all) != 1 || all[0].Name != "renamed" || fmt.Sprint(all[0]) != fmt.Sprint(narrow) {
		t.Errorf("Issuers = %+v, %v", all, err)
	}
	_, err := w.SaveIssuer(t.Context(), trust.Issuer{DID: "did:key:z6Mk", Name: "x", Accepts: []string{"age"}})
	w.refused("an issuer whose DID is no key", err, credential.ErrMalformed)
	_, err = w.SaveIssuer(t.Context(), trust.Issuer{DID: "did:web:x", Name: "x", Accepts: []string{"age"}})
	w.refused("a did:web without a document", err, trust.ErrInvalid)
	for n := range trust.MaxIssuers + 1 {
		_, err = w.SaveIssuer(t.Context(), w.listing(signer(t, fmt.Sprintf("issuer %d", n))))
	}
	w.refused("one issuer too many", err, identity.ErrTooManyIssuers)
	if all, err := w.Issuers(t.Context()); err != nil || len(all) != trust.MaxIssuers {
		t.Errorf("%d issuers, %v; want %d", len(all), err, trust.MaxIssuers)
	}
	did := credential.DID(narrow.DID)
	if announced, err := w.DropIssuer(t.Context(), did); !announced || err != nil {
		t.Errorf("DropIssuer = %v, %v", announced, err)
	}
	_, err = w.DropIssuer(t.Context(), did)
	w.refused("an issuer that is gone", err, identity.ErrUnknownIssuer)
	if age, _ := w.Age(t.Context(), "mina"); age != 0 {
		t.Errorf("age = %d after its issuer was dropped", age)
	}
	if lists, _ := w.StatusLists(t.Context()); len(lists) != 0 {
		t.Errorf("status lists of a dropped issuer: %+v", lists)
	}
	_, err = w.AddCredential(t.Context(), mina.Person, w.issue(w.ageVC(mina, 19)))
	w.refused("a credential of a dropped issuer", err, credential.ErrIssuer)
}

// While the root key is away the gates cannot be told, and the answer says so.
func TestIssuersWithoutRoot(t *testing.T) {
	away := errors.New("root key is offline")
	var gone bool
	w := start(t, func(c *identity.Config) {
		c.Listed = func(context.Context) error {
			if gone {
				return away
			}
			return nil
		}
	})
	gone = true
	if announced, err := w.SaveIssuer(t.Context(), w.listing(w.stranger)); announced || err != nil {
		t.Errorf("SaveIssuer = %v, %v; want it saved and not announced", announced, err)
	}
}

func TestAccreditation(t *testing.T) {
	w := start(t)
	mina := w.enrolled("mina")
	const later = ticket.EventID(1003)
	c := w.staffVC(mina, adult, show, later, adult)
	c.Staff.Events = []ticket.EventID{adult, show, later}
	got := w.shows(mina, c)
	owned := func() (out []sale.OwnedTicket) {
		t.Helper()
		out, err := w.sale.Owned(t.Context(), "mina")
		w.must(err)
		return out
	}
	o := owned() // the sample has no class for staff
	if len(o) != 1 || o[0].Ticket.Event != adult || o[0].Ticket.Class != staff || o[0].Ticket.Holder != mina.key.HolderKey() ||
		o[0].Ticket.NotAfter != c.Expires.Unix() || o[0].State != sale.TicketReady {
		t.Fatalf("accreditations = %+v", o)
	}
	w.Settle(t.Context())
	if len(w.kinds(0)) != 1 {
		t.Errorf("the gates were told %v, want one ticket", w.kinds(0))
	}
	w.importPlan(later)
	w.Settle(t.Context())
	if o := owned(); len(o) != 2 {
		t.Errorf("after another event came on sale mina has %+v", o)
	}
	w.must(w.RemoveCredential(t.Context(), "mina", got.Number))
	for _, o := range owned() {
		if o.State != sale.TicketRevoked {
			t.Errorf("after mina removed the credential %s is %s", o.Ticket.ID, o.State)
		}
	}
	w.shows(mina, c)
	for _, o := range owned() {
		if o.State != sale.TicketReady {
			t.Errorf("after mina showed it again %s is %s", o.Ticket.ID, o.State)
		}
	}
	lost := owned()
	w.identifier(mina, "another")
	if _, err := w.Enrol(t.Context(), mina.Person, w.enrolment(mina)); err != nil {
		t.Fatal(err)
	}
	for _, o := range owned() {
		if o.State != sale.TicketRevoked {
			t.Errorf("after mina's identifier changed %s, which is bound to the old one, is %s", o.Ticket.ID, o.State)
		}
	}
	if all, err := w.Credentials(t.Context(), "mina"); err != nil || all[0].State != identity.Replaced {
		t.Errorf("Credentials = %+v, %v; want the one about the old identifier replaced", all, err)
	}
	_, err := w.AddCredential(t.Context(), mina.Person, got.JWT)
	w.refused("a credential about the old identifier", err, credential.ErrSubject)
	w.shows(mina, w.staffVC(mina, adult))
	if now := owned(); len(now) != len(lost)+1 {
		t.Errorf("mina has %+v, want a ticket for the new identifier beside the old ones", now)
	}
}

// A new passkey after a loss: the identifier's key lay on the lost phone as well,
// so what it is worth ends until it is proved again, with either key.
func TestIdentifierEndsWithItsPasskey(t *testing.T) {
	w := start(t)
	mina, jun := w.family()
	w.shows(mina, w.staffVC(mina, adult))
	state := func() sale.TicketState {
		t.Helper()
		o, err := w.sale.Owned(t.Context(), "mina")
		if err != nil || len(o) != 1 {
			t.Fatalf("mina has %+v, %v; want one accreditation", o, err)
		}
		return o[0].State
	}
	w.advance(time.Minute)
	c := account.Credential{ID: []byte("new"), Account: "mina", Key: ticket.HolderKey{2, 9}}
	w.must(w.store.Accounts().AddAccount(t.Context(), account.Account{ID: "mina", Email: "mina@x.kr"}, c,
		account.Session{Account: "mina", Credential: c.ID, Expires: w.now()}, [32]byte{}, account.Used{Challenge: []byte("c"), Expires: w.now().Add(time.Minute)}))
	w.Settle(t.Context())
	if got := state(); got != sale.TicketRevoked {
		t.Errorf("the accreditation on the lost phone is %s, want it revoked", got)
	}
	if _, err := w.DID(t.Context(), "mina"); !errors.Is(err, identity.ErrNoDID) {
		t.Errorf("DID = %v, want ErrNoDID", err)
	}
	for _, who := range []string{"mina", "jun"} {
		if f, err := w.Family(t.Context(), who); err != nil || len(f) != 0 {
			t.Errorf("family of %s = %+v, %v; want none", who, f, err)
		}
	}
	_, err := w.AddCredential(t.Context(), mina.Person, w.issue(w.ageVC(mina, 19)))
	w.refused("a credential about it", err, identity.ErrNoDID)
	w.advance(-10 * time.Second) // the proof counts even if the clock was set back
	if _, err := w.Enrol(t.Context(), mina.Person, w.enrolment(mina)); err != nil {
		t.Fatal(err)
	}
	if got := state(); got != sale.TicketReady {
		t.Errorf("after the identifier was proved again the accreditation is %s", got)
	}
	if f, err := w.Family(t.Context(), jun.ID); err != nil || len(f) != 1 {
		t.Errorf("after the identifier was proved again jun's family is %+v, %v", f, err)
	}
}

// Nobody knows what was revoked since a status list ended: relations and ages wait
// for the next one. Crew that has its tickets keeps them.
func TestEndedStatusList(t *testing.T) {
	w := start(t)
	mina, jun := w.enrolled("mina"), w.enrolled("jun")
	if _, err := w.SaveStatusList(t.Context(), statusURL, w.status(w.registrar)); err != nil {
		t.Fatal(err)
	}
	for n, c := range []credential.Credential{w.familyVC(mina, jun), w.ageVC(mina, 19), w.staffVC(mina, adult)} {
		c.Status = &credential.StatusRef{List: statusURL, Index: uint32(n)} // #nosec G115 -- three of them
		w.shows(mina, c)
	}
	counts := func() (relatives int, age uint8, crew sale.TicketState) {
		t.Helper()
		f, err := w.Family(t.Context(), "jun")
		w.must(err)
		age, err = w.Age(t.Context(), "mina")
		w.must(err)
		o, err := w.sale.Owned(t.Context(), "mina")
		if err != nil || len(o) != 1 {
			t.Fatalf("Owned = %+v, %v", o, err)
		}
		return len(f), age, o[0].State
	}
	if f, age, crew := counts(); f != 1 || age != 19 || crew != sale.TicketReady {
		t.Fatalf("with a list: %d relatives, age %d, accreditation %s", f, age, crew)
	}
	w.advance(30 * 24 * time.Hour) // its life
	w.importPlan(1003)
	w.Settle(t.Context())
	if f, age, crew := counts(); f != 0 || age != 0 || crew != sale.TicketReady {
		t.Errorf("after the list's end: %d relatives, age %d, accreditation %s", f, age, crew)
	}
	if _, err := w.SaveStatusList(t.Context(), statusURL, w.status(w.registrar)); err != nil {
		t.Fatal(err)
	}
	if f, age, crew := counts(); f != 1 || age != 19 || crew != sale.TicketReady {
		t.Errorf("with the next list: %d relatives, age %d, accreditation %s", f, age, crew)
	}
}

// failing is a sale whose disk is full now and then.
type failing struct {
	identity.Tickets
	fail bool
}

func (f *failing) Accredit(ctx context.Context, r sale.AccreditRequest) (sale.Issued, error) {
	if f.fail {
		return sale.Issued{}, errors.New("disk is full")
	}
	return f.Tickets.Accredit(ctx, r)
}

func (f *failing) SetStatus(ctx context.Context, id ticket.ID, s ticket.Status) error {
	if f.fail {
		return errors.New("disk is full")
	}
	return f.Tickets.SetStatus(ctx, id, s)
}

// What could not be done at once is done later, whatever happens in between.
func TestSettleCatchesUp(t *testing.T) {
	f := &failing{}
	w := start(t, func(c *identity.Config) { f.Tickets, c.Tickets = c.Tickets, f })
	mina := w.enrolled("mina")
	f.fail = true
	c := w.shows(mina, w.staffVC(mina, adult))
	if o, _ := w.sale.Owned(t.Context(), "mina"); len(o) != 0 {
		t.Fatal("the failure was none")
	}
	f.fail = false
	w.restart()
	w.Settle(t.Context())
	if o, _ := w.sale.Owned(t.Context(), "mina"); len(o) != 1 || o[0].State != sale.TicketReady {
		t.Errorf("after the failure mina has %+v, want the ticket", o)
	}
	f.fail = true
	w.must(w.RemoveCredential(t.Context(), "mina", c.Number))
	f.fail = false
	w.Settle(t.Context())
	if o, _ := w.sale.Owned(t.Context(), "mina"); len(o) != 1 || o[0].State != sale.TicketRevoked {
		t.Errorf("after the failure mina has %+v, want the ticket revoked", o)
	}
}

func TestFetchStatus(t *testing.T) {
	answers := map[string]string{}
	var asked []string
	w := start(t, func(c *identity.Config) {
		c.Fetch = func(_ context.Context, url string) ([]byte, error) {
			asked = append(asked, url)
			if jwt, ok := answers[url]; ok {
				return []byte(jwt), nil
			}
			return nil, errors.New("unreachable")
		}
	})
	w.FetchStatus(t.Context())
	answers[statusURL] = w.status(w.registrar)
	w.FetchStatus(t.Context())
	if lists, err := w.StatusLists(t.Context()); err != nil || len(lists) != 1 || len(asked) != 2 || asked[0] != statusURL {
		t.Errorf("asked for %q, have %+v, %v", asked, lists, err)
	}
}
