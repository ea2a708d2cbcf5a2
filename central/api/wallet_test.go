package api_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/central/identity"
	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
	"github.com/con-ting/conting/testdata/wallet"
)

const statusURL = "https://registrar.example/status/1.jwt"

// registrar issues credentials and stands in the list.
type registrar struct {
	h      *harness
	signer trust.Signer
	did    credential.DID
	serial int
}

func (h *harness) registrar() *registrar {
	h.t.Helper()
	s, err := trust.NewSigner(ed25519.NewKeyFromSeed([]byte("a registrar's seed of 32 bytes !")))
	if err != nil {
		h.t.Fatal(err)
	}
	did, err := credential.KeyDID(s.Public())
	if err != nil {
		h.t.Fatal(err)
	}
	r := &registrar{h: h, signer: s, did: did}
	text, err := credential.EncodeIssuer(trust.Issuer{
		DID: string(did), Name: "가족관계 등록소", Accepts: []string{"family", "age", "staff"}, StatusURLs: []string{statusURL},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	var saved struct{ Announced bool }
	h.call("POST", "/admin/v1/issuers", string(text), admin()).want(http.StatusOK).into(&saved)
	if !saved.Announced {
		h.t.Error("the issuer was not announced")
	}
	return r
}

func (r *registrar) vc(subject credential.DID) credential.Credential {
	r.serial++
	now := time.UnixMilli(r.h.clock.Load())
	return credential.Credential{
		ID: fmt.Sprintf("urn:vc:%d", r.serial), Subject: subject, Issued: now.Add(-time.Hour), Expires: now.AddDate(1, 0, 0),
		Status: &credential.StatusRef{List: statusURL, Index: uint32(r.serial)},
	}
}

func (r *registrar) issue(c credential.Credential) string {
	r.h.t.Helper()
	jwt, err := credential.Issue(r.signer, c)
	if err != nil {
		r.h.t.Fatal(err)
	}
	return marshal(r.h.t, object{"jwt": jwt})
}

func (r *registrar) family(a, b *relative) string {
	c := r.vc(a.did)
	c.Type, c.Family = credential.Family, &credential.FamilyClaim{Relation: "parent", Relative: b.did}
	return r.issue(c)
}

// status posts the status list of now with those entries revoked.
func (r *registrar) status(revoked ...uint32) *answer {
	r.h.t.Helper()
	l := credential.NewStatusList()
	for _, n := range revoked {
		if err := l.Revoke(n); err != nil {
			r.h.t.Fatal(err)
		}
	}
	now := time.UnixMilli(r.h.clock.Load())
	jwt, err := credential.SignStatusList(r.signer, statusURL, l, now, now.AddDate(0, 1, 0))
	if err != nil {
		r.h.t.Fatal(err)
	}
	return r.h.call("POST", "/admin/v1/status-lists", marshal(r.h.t, object{"url": statusURL, "jwt": jwt}), admin())
}

// relative is somebody with an account, a phone and a DID.
type relative struct {
	h       *harness
	session string
	phone   *wallet.Authenticator
	key     *wallet.Identity
	did     credential.DID
}

func (h *harness) relative(name string) *relative {
	h.t.Helper()
	r := &relative{h: h, phone: h.phone(name)}
	_, r.session = h.join(name+"@x.kr", r.phone)
	var err error
	if r.key, err = wallet.NewIdentity([]byte(name)); err != nil {
		h.t.Fatal(err)
	}
	s, err := r.key.Signer()
	if err != nil {
		h.t.Fatal(err)
	}
	if r.did, err = credential.KeyDID(s.Public()); err != nil {
		h.t.Fatal(err)
	}
	r.post("/v1/wallet/did", r.enrolment()).want(http.StatusOK)
	return r
}

func (r *relative) post(path string, body object) *answer {
	r.h.t.Helper()
	text := ""
	if body != nil {
		text = marshal(r.h.t, body)
	}
	return r.h.call("POST", path, text, r.h.as(r.session)...)
}

func (r *relative) get(path string, v any) {
	r.h.t.Helper()
	r.h.call("GET", path, "", r.h.as(r.session)...).want(http.StatusOK).into(v)
}

// signs is the proof that a request carries: the passkey over what terms makes of
// a challenge.
func (r *relative) signs(purpose string, terms func([]byte) []byte, more object) object {
	r.h.t.Helper()
	text, raw := r.h.ask(purpose, r.h.as(r.session)...)
	a, err := r.phone.Assert(terms(raw))
	if err != nil {
		r.h.t.Fatal(err)
	}
	b := object{"challenge": text, "authenticator_data": b64(a.AuthenticatorData), "client_data_json": b64(a.ClientDataJSON), "signature": b64(a.Signature)}
	for k, v := range more {
		b[k] = v
	}
	return b
}

func (r *relative) enrolment() object {
	r.h.t.Helper()
	var sig [64]byte
	b := r.signs("did", func(c []byte) []byte {
		var err error
		if sig, err = r.key.Sign(identity.DIDMessage(c, r.did, r.phone.HolderKey())); err != nil {
			r.h.t.Fatal(err)
		}
		return identity.DIDTerms(c, r.did)
	}, object{"did": r.did})
	b["did_signature"] = b64(sig[:])
	return b
}

// buys orders a seat as this account, and pays.
func (r *relative) buys(seat string) ticket.ID {
	r.h.t.Helper()
	return r.pays(r.orders(seat))
}

func (r *relative) orders(seat string) order {
	r.h.t.Helper()
	var ch struct{ Challenge string }
	r.h.call("POST", "/v1/challenges", "", r.h.as(r.session)...).want(http.StatusCreated).into(&ch)
	raw, err := base64.RawURLEncoding.DecodeString(ch.Challenge)
	if err != nil {
		r.h.t.Fatal(err)
	}
	a, err := r.phone.Assert(raw)
	if err != nil {
		r.h.t.Fatal(err)
	}
	return r.post(orders, object{"zone": 1, "class": 1, "seat": seat, "holder": object{
		"public_key": r.phone.HolderKey(), "challenge": ch.Challenge, "authenticator_data": b64(a.AuthenticatorData),
		"client_data_json": b64(a.ClientDataJSON), "signature": b64(a.Signature),
	}}).want(http.StatusCreated).order()
}

func (r *relative) pays(o order) ticket.ID {
	r.h.t.Helper()
	paid := r.h.call("POST", "/v1/orders/"+o.ID+"/pay", payOK, bearer(o.Secret)).want(http.StatusOK).order()
	id, err := ticket.ParseID(paid.Tickets[0].ID)
	if err != nil {
		r.h.t.Fatal(err)
	}
	return id
}

type transfer struct {
	ID, Direction, State, Name, Seat string
	Ticket                           ticket.ID
	Version                          uint32
	FromKey                          ticket.HolderKey `json:"from_key"`
	ToKey                            ticket.HolderKey `json:"to_key"`
	Event                            struct{ Name string }
	Zone, Class                      struct{ Name string }
}

func (t *transfer) terms() identity.Terms {
	return identity.Terms{Ticket: t.Ticket, Version: t.Version, From: t.FromKey, To: t.ToKey}
}

// gives offers a ticket to the one relative that the family lists.
func (r *relative) gives(id ticket.ID, version uint32) *answer {
	r.h.t.Helper()
	var f struct {
		Family []struct {
			DID, Relation, Name string
			PublicKey           ticket.HolderKey `json:"public_key"`
		}
	}
	r.get("/v1/wallet/family", &f)
	if len(f.Family) != 1 {
		r.h.t.Fatalf("family = %+v", f)
	}
	terms := identity.Terms{Ticket: id, Version: version, From: r.phone.HolderKey(), To: f.Family[0].PublicKey}
	return r.post("/v1/wallet/transfers", r.signs("transfer", terms.Give, object{"ticket": id, "to": f.Family[0].DID}))
}

type ownedTicket struct {
	ID                          ticket.ID
	State, Form, Signed, Holder string
	Version                     uint32
	Event                       struct {
		ID     int
		Leases string
		Doors  time.Time
	}
	Zone, Class struct{ Name string }
}

func (r *relative) tickets() map[ticket.ID]ownedTicket {
	r.h.t.Helper()
	var w struct {
		Now     int64
		Tickets []ownedTicket
	}
	r.get("/v1/wallet/tickets", &w)
	if w.Now != r.h.clock.Load() {
		r.h.t.Errorf("now = %d, the clock says %d", w.Now, r.h.clock.Load())
	}
	out := map[ticket.ID]ownedTicket{}
	for _, t := range w.Tickets {
		out[t.ID] = t
	}
	return out
}

func TestFamilyTransfer(t *testing.T) {
	h := start(t).on()
	office := h.registrar()
	office.status().want(http.StatusOK)
	mina, jun := h.relative("mina"), h.relative("jun")
	h.call("POST", "/v1/wallet/credentials", office.family(mina, jun), h.as(mina.session)...).want(http.StatusCreated)

	order := mina.orders("A-1")
	id := mina.pays(order)
	if got := mina.tickets()[id]; got.State != "ready" || got.Form != "passkey" || got.Signed == "" || got.Holder != mina.phone.HolderKey().String() ||
		got.Event.ID != 1001 || got.Event.Leases != "advisory" || got.Zone.Name == "" || got.Class.Name == "" || got.Event.Doors.IsZero() {
		t.Errorf("mina's ticket = %+v", got)
	}
	var offered transfer
	mina.gives(id, 1).want(http.StatusCreated).into(&offered)
	var inbox struct{ Transfers []transfer }
	jun.get("/v1/wallet/transfers", &inbox)
	if len(inbox.Transfers) != 1 || offered.Direction != "out" || offered.Name != "j***@x.kr" {
		t.Fatalf("offered %+v, jun sees %+v", offered, inbox)
	}
	got := inbox.Transfers[0]
	if got.Direction != "in" || got.State != "pending" || got.Name != "m***@x.kr" || got.Seat != "A-1" || got.Event.Name == "" ||
		got.Zone.Name == "" || got.ToKey != jun.phone.HolderKey() {
		t.Errorf("jun sees %+v", got)
	}
	accept := "/v1/wallet/transfers/" + got.ID + "/accept"
	terms := got.terms()
	proof := jun.signs("transfer_accept", terms.Accept, nil)
	var done transfer
	jun.post(accept, proof).want(http.StatusOK).into(&done)
	if done.State != "accepted" {
		t.Errorf("accepted = %+v", done)
	}
	jun.post(accept, proof).problem(http.StatusConflict, "transfer_closed")
	if got := mina.tickets()[id]; got.State != "moved" || got.Signed != "" || got.Holder != "" {
		t.Errorf("mina sees %+v, want it moved and nothing of its holder", got)
	}
	if got := jun.tickets()[id]; got.State != "ready" || got.Version != 2 || got.Holder != jun.phone.HolderKey().String() {
		t.Errorf("jun's ticket = %+v", got)
	}
	bought := h.call("GET", "/v1/orders/"+order.ID, "", bearer(order.Secret)).want(http.StatusOK)
	if got := bought.order().Tickets; len(got) != 1 || got[0].ID != id.String() || got[0].Signed != "" || strings.Contains(string(bought.body), jun.phone.HolderKey().String()) {
		t.Errorf("the order of a ticket that was given away = %s", bought.body)
	}

	// The relation ends, and with it what rests on it.
	var back transfer
	jun.gives(id, 2).want(http.StatusCreated).into(&back)
	h.advance(time.Minute)
	var flipped struct{ Revoked int }
	office.status(1).want(http.StatusOK).into(&flipped)
	if flipped.Revoked != 1 {
		t.Errorf("the list revoked %d credentials, want 1", flipped.Revoked)
	}
	terms = back.terms()
	mina.post("/v1/wallet/transfers/"+back.ID+"/accept", mina.signs("transfer_accept", terms.Accept, nil)).problem(http.StatusForbidden, "relation_missing")
	jun.post("/v1/wallet/transfers/"+back.ID+"/cancel", nil).want(http.StatusOK)
	mina.post("/v1/wallet/transfers/"+back.ID+"/decline", nil).problem(http.StatusConflict, "transfer_closed")
	var all struct {
		Credentials []struct {
			ID, Type, Relation string
			IssuerName         string `json:"issuer_name"`
			Revoked            bool
		}
	}
	mina.get("/v1/wallet/credentials", &all)
	if len(all.Credentials) != 1 || !all.Credentials[0].Revoked || all.Credentials[0].IssuerName != "가족관계 등록소" || all.Credentials[0].Relation != "parent" {
		t.Errorf("mina's credentials = %+v", all)
	}
	if log := h.log.String(); strings.Contains(log, "x.kr") || strings.Contains(log, string(mina.did)) || strings.Contains(log, id.String()) {
		t.Error("the log tells who gave what to whom")
	}
}

func TestAskedBooking(t *testing.T) {
	h := start(t).on()
	office := h.registrar()
	office.status().want(http.StatusOK)
	mina, jun := h.relative("mina"), h.relative("jun")
	h.call("POST", "/v1/wallet/credentials", office.family(mina, jun), h.as(mina.session)...).want(http.StatusCreated)
	var asked struct{ ID, State, To, Direction, Currency string }
	jun.post("/v1/wallet/asks", jun.signs("ask", func(c []byte) []byte {
		return identity.AskTerms(c, 1001, 1, 1, mina.did)
	}, object{"event": 1001, "zone": 1, "class": 1, "to": mina.did, "max_amount": 165000})).want(http.StatusCreated).into(&asked)
	if asked.State != "pending" || asked.To != string(mina.did) || asked.Direction != "out" || asked.Currency != "KRW" {
		t.Errorf("asked = %+v", asked)
	}
	order := object{"zone": 1, "class": 1, "seat": "B-1", "ask": asked.ID}
	h.call("POST", orders, marshal(t, order)).problem(http.StatusUnauthorized, "sign_in_required")
	jun.post(orders, order).problem(http.StatusNotFound, "unknown_ask")
	o := mina.post(orders, order).want(http.StatusCreated).order()
	mina.post(orders, order).problem(http.StatusConflict, "ask_closed")
	id := mina.pays(o)
	if got := jun.tickets()[id]; got.State != "ready" || got.Holder != jun.phone.HolderKey().String() {
		t.Errorf("jun's ticket = %+v", got)
	}
	if got := mina.tickets(); len(got) != 0 {
		t.Errorf("the booker has %+v", got)
	}
	var list struct{ Asks []struct{ ID, State string } }
	// Who paid sees that it was booked, and not with what the other enters.
	paid := h.call("GET", "/v1/orders/"+o.ID, "", bearer(o.Secret)).want(http.StatusOK)
	if got := paid.order().Tickets; len(got) != 1 || got[0].ID != id.String() || got[0].Seat != "B-1" || got[0].Status != "valid" || got[0].Signed != "" || got[0].Holder != "" {
		t.Errorf("the booker's order = %s", paid.body)
	}
	h.call("GET", "/v1/orders/"+o.ID+"/tickets/"+id.String()+"/paper.pdf", "", bearer(o.Secret)).problem(http.StatusNotFound, "unknown_ticket")
	mina.get("/v1/wallet/asks", &list)
	if len(list.Asks) != 1 || list.Asks[0].State != "fulfilled" {
		t.Errorf("asks = %+v", list)
	}
	mina.post("/v1/wallet/asks/"+asked.ID+"/decline", nil).problem(http.StatusConflict, "ask_closed")
	jun.post("/v1/wallet/asks/00/cancel", nil).problem(http.StatusNotFound, "unknown_ask")
}

func TestWalletRefusals(t *testing.T) {
	h := start(t).on()
	office := h.registrar()
	office.status().want(http.StatusOK)
	mina, jun := h.relative("mina"), h.relative("jun")
	lone := &relative{h: h, phone: h.phone("lone")}
	_, lone.session = h.join("lone@x.kr", lone.phone)
	good := office.family(mina, jun)
	jwt := strings.Split(good, ".")
	for name, c := range map[string]struct {
		who    *relative
		method string
		path   string
		body   string
		status int
		code   string
	}{
		"credential of nobody":            {nil, "POST", "/v1/wallet/credentials", good, 401, "sign_in_required"},
		"tickets of nobody":               {nil, "GET", "/v1/wallet/tickets", "", 401, "sign_in_required"},
		"credential without identifier":   {lone, "POST", "/v1/wallet/credentials", good, 409, "did_required"},
		"credential about another":        {jun, "POST", "/v1/wallet/credentials", good, 422, "credential_subject"},
		"credential that is none":         {mina, "POST", "/v1/wallet/credentials", `{"jwt":"x"}`, 422, "credential_invalid"},
		"credential of alg none":          {mina, "POST", "/v1/wallet/credentials", `{"jwt":"eyJhbGciOiJub25lIn0.` + jwt[1] + `."}`, 422, "credential_invalid"},
		"credential that was changed":     {mina, "POST", "/v1/wallet/credentials", jwt[0] + "." + jwt[1] + `.AAAA"}`, 422, "credential_invalid"},
		"credential of unknown keys":      {mina, "POST", "/v1/wallet/credentials", `{"jwt":"x","y":1}`, 400, "malformed_body"},
		"unknown credential":              {mina, "DELETE", "/v1/wallet/credentials/77", "", 404, "unknown_credential"},
		"credential that is no number":    {mina, "DELETE", "/v1/wallet/credentials/x", "", 404, "unknown_credential"},
		"identifier that is none":         {mina, "POST", "/v1/wallet/did", `{"did":"did:web:x"}`, 422, "did_not_proved"},
		"transfer that is unknown":        {mina, "POST", "/v1/wallet/transfers/00/decline", "", 404, "unknown_transfer"},
		"ticket that is unknown":          {mina, "POST", "/v1/wallet/transfers", `{"ticket":"` + strings.Repeat("0", 32) + `","to":"` + string(jun.did) + `"}`, 404, "unknown_ticket"},
		"ticket that is no id":            {mina, "POST", "/v1/wallet/transfers", `{"ticket":"00"}`, 422, "invalid_request"},
		"ask for an unknown event":        {mina, "POST", "/v1/wallet/asks", `{"event":7,"zone":1,"class":1}`, 404, "unknown_event"},
		"ask for what is not sold":        {mina, "POST", "/v1/wallet/asks", `{"event":1001,"zone":9,"class":1}`, 422, "not_sold"},
		"ask for a negative price":        {mina, "POST", "/v1/wallet/asks", `{"event":1001,"zone":1,"class":1,"max_amount":-1}`, 422, "invalid_request"},
		"ask of who has no identifier":    {lone, "POST", "/v1/wallet/asks", `{"event":1001,"zone":1,"class":1}`, 409, "did_required"},
		"ask of who is nobody's relative": {mina, "POST", "/v1/wallet/asks", `{"event":1001,"zone":1,"class":1,"to":"did:key:z"}`, 403, "relation_missing"},
	} {
		var headers []header
		if c.who != nil {
			headers = h.as(c.who.session)
		}
		a := h.call(c.method, c.path, c.body, headers...)
		t.Run(name, func(*testing.T) { a.problem(c.status, c.code) })
	}
	// Another site cannot act for somebody who is signed in here.
	for _, path := range []string{"/v1/wallet/credentials", "/v1/wallet/did", "/v1/wallet/transfers", "/v1/wallet/asks"} {
		h.call("POST", path, good, cookie(mina.session), header{"Origin", "https://evil.example"}).problem(http.StatusForbidden, "cross_origin")
		h.call("POST", path, good, cookie(mina.session)).problem(http.StatusForbidden, "cross_origin")
	}
	h.call("POST", "/v1/wallet/credentials", good, h.as(mina.session)...).want(http.StatusCreated)
	h.call("DELETE", "/v1/wallet/credentials/1", "", h.as(jun.session)...).problem(http.StatusNotFound, "unknown_credential")
	h.call("DELETE", "/v1/wallet/credentials/1", "", h.as(mina.session)...).want(http.StatusNoContent)
	var me struct{ DID string }
	mina.get("/v1/account", &me)
	if me.DID != string(mina.did) {
		t.Errorf("account = %+v, want the identifier", me)
	}
	taken := jun.enrolment()
	jun.key, jun.did = mina.key, mina.did
	stolen := jun.enrolment()
	jun.post("/v1/wallet/did", stolen).problem(http.StatusConflict, "did_taken")
	jun.post("/v1/wallet/did", taken).want(http.StatusOK)
}

func TestAgeLimitedOrder(t *testing.T) {
	h := start(t)
	plan := strings.Replace(samplePlan(t), `"pass_back_seconds"`, `"minimum_age": 19, "pass_back_seconds"`, 1)
	h.call("POST", "/admin/v1/events", plan, admin()).want(http.StatusCreated)
	var e struct {
		MinimumAge int `json:"minimum_age"`
	}
	h.call("GET", "/v1/events/1001", "").want(http.StatusOK).into(&e)
	if e.MinimumAge != 19 {
		t.Errorf("the event says %+v", e)
	}
	office := h.registrar()
	office.status().want(http.StatusOK)
	h.call("POST", orders, h.holdBody("A-1")).problem(http.StatusForbidden, "age_required")
	mina := h.relative("mina")
	c := office.vc(mina.did)
	c.Type, c.Age = credential.Age, &credential.AgeClaim{Over: 19}
	h.call("POST", "/v1/wallet/credentials", office.issue(c), h.as(mina.session)...).want(http.StatusCreated)
	mina.buys("A-1")
	h.call("POST", orders, `{"zone":3,"class":5,"paper":true}`).want(http.StatusCreated)
}

func TestIssuersOverHTTP(t *testing.T) {
	h := start(t).on()
	office := h.registrar()
	var list struct{ Issuers []struct{ DID, Name string } }
	h.call("GET", "/admin/v1/issuers", "", admin()).want(http.StatusOK).into(&list)
	if len(list.Issuers) != 1 || list.Issuers[0].DID != string(office.did) {
		t.Errorf("issuers = %+v", list)
	}
	h.call("POST", "/admin/v1/issuers", `{"did":"did:key:zzz","name":"x","accepts":["age"]}`, admin()).problem(http.StatusUnprocessableEntity, "issuer_invalid")
	h.call("POST", "/admin/v1/issuers", `{}`).problem(http.StatusUnauthorized, "unauthorized")
	h.call("POST", "/admin/v1/status-lists", `{"url":"x","jwt":"y"}`, admin()).problem(http.StatusUnprocessableEntity, "status_list_invalid")
	h.call("POST", "/admin/v1/status-lists", `{"url":"`+strings.Repeat("x", 80<<10)+`"}`, admin()).problem(http.StatusRequestEntityTooLarge, "body_too_large")
	office.status().want(http.StatusOK)
	h.advance(-time.Hour)
	office.status().problem(http.StatusConflict, "status_list_older")
	h.advance(time.Hour)
	path := "/admin/v1/issuers/" + url.PathEscape(string(office.did))
	h.call("DELETE", path, "").problem(http.StatusUnauthorized, "unauthorized")
	h.call("DELETE", path, "", admin()).want(http.StatusOK)
	h.call("DELETE", path, "", admin()).problem(http.StatusNotFound, "unknown_issuer")
	office.status().problem(http.StatusUnprocessableEntity, "status_list_invalid")
}
