package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/proof"
	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/trust"
	"github.com/con-ting/conting/testdata/wallet"
)

// office is a world with registrars: one for people, one for crews, and one that
// the organiser has never heard of. Class 7 is the crew's, class 8 asks for an
// identity document.
type office struct {
	*world
	city, crew, stranger trust.Signer
	rigger, thief        *wallet.Identity
}

const (
	crewClass  = 7
	namedClass = 8
	cityList   = "https://city.example/status/1.jwt"
	crewList   = "https://crew.example/status/1.jwt"
)

func newOffice(t testing.TB) *office {
	t.Helper()
	o := &office{world: newWorld(t, 6)}
	o.event.Classes = append(o.event.Classes,
		ticket.Class{ID: crewClass, Name: "Crew", Staff: true}, ticket.Class{ID: namedClass, Name: "Named", IDCheck: true})
	o.tickets[2].Class = namedClass
	o.city, o.crew, o.stranger = o.ed25519(), o.ed25519(), o.ed25519()
	var err error
	o.rigger, err = wallet.NewIdentity([]byte("rigger"))
	o.ok(err)
	o.thief, err = wallet.NewIdentity([]byte("thief"))
	o.ok(err)
	o.list, err = trust.SignList(o.trusted(), o.root)
	o.ok(err)
	return o
}

// trusted is the trust list with the registrars.
func (o *office) trusted() trust.List {
	return trust.List{
		Version: 2, Issued: o.now.Unix(), Expires: o.now.Add(240 * time.Hour).Unix(), DeviceCAs: [][]byte{o.ca.Raw},
		Keys: []trust.Key{{Role: trust.RoleEvent, Public: o.issuer.Public(), NotBefore: o.now.Add(-time.Hour).Unix(), NotAfter: o.now.Add(240 * time.Hour).Unix()}},
		Issuers: []trust.Issuer{
			{DID: string(o.did(o.city)), Name: "City", Accepts: []string{"family", "age"}, StatusURLs: []string{cityList}},
			{DID: string(o.did(o.crew)), Name: "Crew office", Accepts: []string{"staff"}, StatusURLs: []string{crewList}},
		},
	}
}

func (o *office) did(s trust.Signer) credential.DID {
	o.t.Helper()
	did, err := credential.KeyDID(s.Public())
	o.ok(err)
	return did
}

func (o *office) signer(i *wallet.Identity) trust.Signer {
	o.t.Helper()
	s, err := i.Signer()
	o.ok(err)
	return s
}

// staff is the rigger's accreditation, which change may spoil before it is signed.
func (o *office) staff(by trust.Signer, change func(*credential.Credential)) string {
	c := credential.Credential{
		ID: "urn:uuid:11111111-1111-4111-8111-111111111111", Type: credential.Staff, Subject: o.did(o.signer(o.rigger)),
		Issued: o.now.Add(-time.Hour), Expires: o.now.Add(24 * time.Hour),
		Staff:  &credential.StaffClaim{Role: "rigger", Events: []ticket.EventID{o.event.ID}, Class: crewClass},
		Status: &credential.StatusRef{List: crewList, Index: 5},
	}
	return o.issue(by, &c, change)
}

// age is a proof that the rigger is nineteen.
func (o *office) age(by trust.Signer, change func(*credential.Credential)) string {
	c := credential.Credential{
		ID: "urn:uuid:22222222-2222-4222-8222-222222222222", Type: credential.Age, Subject: o.did(o.signer(o.rigger)),
		Issued: o.now.Add(-time.Hour), Expires: o.now.Add(24 * time.Hour), Age: &credential.AgeClaim{Over: 19},
	}
	return o.issue(by, &c, change)
}

func (o *office) issue(by trust.Signer, c *credential.Credential, change func(*credential.Credential)) string {
	o.t.Helper()
	if change != nil {
		change(c)
	}
	jwt, err := credential.Issue(by, *c)
	o.ok(err)
	return jwt
}

// present is what the phone of an identity makes of credentials for a nonce.
func (o *office) present(by *wallet.Identity, n pass.Nonce, jwts ...string) string {
	o.t.Helper()
	vp, err := credential.Present(o.signer(by), jwts, proof.Audience(n.Gate), n.Text(), o.now, time.Minute)
	o.ok(err)
	return vp
}

func (o *office) pack(vp string) []byte {
	o.t.Helper()
	packed, err := credential.Pack(vp)
	o.ok(err)
	return packed
}

func (o *office) parts(vp string) []string {
	o.t.Helper()
	texts, err := pass.Split(o.pack(vp))
	o.ok(err)
	return texts
}

// statusList is a registrar's signed list with entries taken back.
func (o *office) statusList(by trust.Signer, url string, issued time.Time, revoked ...uint32) string {
	o.t.Helper()
	l := credential.NewStatusList()
	for _, i := range revoked {
		o.ok(l.Revoke(i))
	}
	jwt, err := credential.SignStatusList(by, url, l, issued, issued.Add(48*time.Hour))
	o.ok(err)
	return jwt
}

// forge changes header and payload of a presentation and signs it anew.
func (o *office) forge(by *wallet.Identity, vp string, change func(header, payload map[string]any)) string {
	o.t.Helper()
	parts := strings.Split(vp, ".")
	var read [2]map[string]any
	for i := range read {
		data, err := base64.RawURLEncoding.DecodeString(parts[i])
		o.ok(err)
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		o.ok(d.Decode(&read[i]))
	}
	change(read[0], read[1])
	var signed []string
	for _, m := range read {
		data, err := json.Marshal(m)
		o.ok(err)
		signed = append(signed, base64.RawURLEncoding.EncodeToString(data))
	}
	text := strings.Join(signed, ".")
	sig, err := by.Sign([]byte(text))
	o.ok(err)
	return text + "." + base64.RawURLEncoding.EncodeToString(sig[:])
}

// unsigned is a JWT that says alg none and carries a signature of zeroes.
func unsigned(o *office, jwt string) string {
	parts := strings.Split(jwt, ".")
	header, err := base64.RawURLEncoding.DecodeString(parts[0])
	o.ok(err)
	var h map[string]any
	o.ok(json.Unmarshal(header, &h))
	h = maps.Clone(h)
	h["alg"] = "none"
	header, err = json.Marshal(h)
	o.ok(err)
	return base64.RawURLEncoding.EncodeToString(header) + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64))
}

// gateFor enrols a gate of the office and loads its set; it returns the name of
// the configuration.
func (o *office) gateFor(more string) (a *app, out *bytes.Buffer, conf string) {
	o.t.Helper()
	dir := o.t.TempDir()
	conf = o.config(dir, more)
	out = new(bytes.Buffer)
	a = &app{in: bytes.NewReader(nil), out: out, err: out, now: time.Now, getenv: func(string) string { return "" }, pid: 7}
	o.command(a, out, "enrol", "--config", conf, o.invitation(worldCode))
	set := o.setFile(filepath.Join(dir, "set"), o.set(ticketset.Current{}, o.now, o.now.Add(48*time.Hour)))
	o.command(a, out, "load-set", "--config", conf, set)
	return a, out, conf
}

func (o *office) command(a *app, out *bytes.Buffer, args ...string) string {
	o.t.Helper()
	out.Reset()
	if code := a.run(context.Background(), args); code != 0 {
		o.t.Fatalf("gate %s: exit status %d\n%s", args[0], code, out)
	}
	return out.String()
}

// keepLists puts status lists on a gate's disk.
func (o *office) keepLists(a *app, conf string, lists ...store.StatusList) {
	o.t.Helper()
	c, err := loadConfig(conf)
	o.ok(err)
	u, err := a.unlock(o.t.Context(), &c)
	o.ok(err)
	for _, l := range lists {
		_, err := u.store.KeepStatusList(o.t.Context(), l)
		o.ok(err)
	}
	o.ok(u.store.Close())
}
