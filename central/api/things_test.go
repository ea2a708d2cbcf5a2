package api_test

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/api"
	"github.com/con-ting/conting/central/identity"
	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/ticket"
)

// thing is something that belongs to somebody, and how one operation reaches it.
type thing struct {
	scheme string            // by which the operation knows whose it is; the document's if empty
	at     map[string]string // what stands in the path
	query  string
	body   string
	owner  []header // the credentials of whose it is
	person *relative

	// own says that the operation names nothing: who is signed in is answered about
	// themselves. Anybody may do that, and learns nothing of others.
	own bool

	// theirs is the body that somebody else would have to send, who can sign with
	// their own keys only; empty if it is the same.
	theirs func(eve *relative) string

	// code is what somebody else is answered where that is none of 401, 403 and 404.
	// Each such exception says why.
	code, because string
}

// world has people with things of every kind.
type world struct {
	h              *harness
	office         *registrar
	mina, jun, eve *relative
	marks          []string // what nobody else may see
	people, events int
}

// Events of their own: two with a waiting room, and one that may be called off.
const (
	waited    = "1901"
	waitedToo = "1902"
	calledOff = "1903"
)

func (h *harness) world() *world {
	h.t.Helper()
	w := &world{h: h, office: h.registrar(), events: 2000}
	w.office.status().want(http.StatusOK)
	w.mina, w.jun, w.eve = h.relative("mina"), h.relative("jun"), h.relative("eve")
	h.call("POST", "/v1/wallet/credentials", w.office.family(w.mina, w.jun), h.as(w.mina.session)...).want(http.StatusCreated)
	for _, r := range []*relative{w.mina, w.jun} {
		w.marks = append(w.marks, string(r.did), r.phone.HolderKey().String(), r.account(), r.session)
	}
	w.marks = append(w.marks, "mina@", "jun@", "m***", "j***", "x0@", "x1@", "x2@", "x3@", "x4@", "x5@", "x6@", "x7@")
	for _, id := range []string{waited, waitedToo, calledOff} {
		h.call("POST", "/admin/v1/events", strings.ReplaceAll(samplePlan(h.t), "1001", id), admin()).want(http.StatusCreated)
	}
	for _, id := range []string{waited, waitedToo} {
		h.call("PUT", "/admin/v1/events/"+id+"/queue", `{"opens":"2026-11-20T12:00:00Z"}`, admin()).want(http.StatusOK)
	}
	return w
}

func (r *relative) account() string {
	r.h.t.Helper()
	var me struct{ Account string }
	r.get("/v1/account", &me)
	return me.Account
}

func (w *world) secret(s string) string {
	w.marks = append(w.marks, s)
	return s
}

// fresh is somebody with a passkey, and typist somebody with a password.
func (w *world) fresh() *relative {
	w.h.t.Helper()
	w.people++
	return w.h.relative(fmt.Sprintf("x%d", w.people-1))
}

func (w *world) typist() *relative {
	w.h.t.Helper()
	w.people++
	w.post()
	_, session := w.h.joinByLetter(fmt.Sprintf("x%d@x.kr", w.people-1))
	return &relative{h: w.h, session: session, phone: w.h.phone(fmt.Sprintf("typist %d", w.people))}
}

// post throws away what letters there are.
func (w *world) post() {
	w.h.people.Post(w.h.t.Context())
	w.h.mail.mu.Lock()
	defer w.h.mail.mu.Unlock()
	w.h.mail.sent = nil
}

func (w *world) of(r *relative) thing {
	return thing{owner: w.h.as(r.session), person: r}
}

// event is one of two standing places, whose orders can be given back.
func (w *world) event() (id int, path string) {
	w.h.t.Helper()
	w.events++
	return w.events, w.h.small(w.events, `{"method": "first_come", "refund_until": "2026-12-01T00:00:00+09:00"}`)
}

// order is a paper ticket's, of mina or of nobody.
func (w *world) order(paid bool, by ...header) order {
	w.h.t.Helper()
	o := w.h.call("POST", orders, `{"zone":2,"class":5,"paper":true}`, by...).want(http.StatusCreated).order()
	w.marks = append(w.marks, o.ID, o.Secret)
	if !paid {
		return o
	}
	secret := o.Secret
	o = w.h.call("POST", "/v1/orders/"+o.ID+"/pay", payOK, bearer(secret)).want(http.StatusOK).order()
	o.Secret = secret
	w.marks = append(w.marks, o.Tickets[0].ID)
	return o
}

// bound is a ticket on mina's phone.
func (w *world) bound() ticket.ID {
	w.h.t.Helper()
	o := w.mina.post(orders, object{"zone": 1, "class": 1, "holder": w.mina.proof()}).want(http.StatusCreated).order()
	id := w.mina.pays(o)
	w.marks = append(w.marks, o.ID, o.Secret, id.String())
	return id
}

func (w *world) transfer() transfer {
	w.h.t.Helper()
	var t transfer
	w.mina.gives(w.bound(), 1).want(http.StatusCreated).into(&t)
	w.marks = append(w.marks, t.ID)
	return t
}

// wish is what jun asks mina for; ask is what came of it.
func (w *world) wish(r *relative) object {
	return r.signs("ask", func(c []byte) []byte {
		return identity.AskTerms(c, 1001, 1, 1, w.mina.did)
	}, object{"event": 1001, "zone": 1, "class": 1, "to": w.mina.did, "max_amount": 165000})
}

func (w *world) ask() string {
	w.h.t.Helper()
	var a struct{ ID string }
	w.jun.post("/v1/wallet/asks", w.wish(w.jun)).want(http.StatusCreated).into(&a)
	return w.secret(a.ID)
}

func (w *world) place(event string) (p placeView) {
	w.h.t.Helper()
	w.h.call("POST", "/v1/events/"+event+"/queue", "{}", w.h.asPerson(w.mina.account())).want(http.StatusOK).into(&p)
	w.marks = append(w.marks, p.Token, p.Receipt)
	return p
}

func at(pairs ...string) map[string]string {
	out := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}

// personal operations name nobody's thing.
func (w *world) personal() map[string]func() thing {
	own := func() thing { t := w.of(w.mina); t.own = true; return t }
	out := map[string]func() thing{}
	for _, id := range []string{
		"account", "access", "getSessions", "getExport", "credentials", "family", "transfers", "asks", "walletTickets", "offers", "orderHistory", "chainWallet",
	} {
		out[id] = own
	}
	out["waits"] = func() thing { t := own(); t.at = at("event", "1001"); return t }
	out["wait"] = func() thing {
		id, path := w.event()
		w.h.call("POST", path+"/orders", `{"zone":3,"class":5,"paper":true,"count":2}`).want(http.StatusCreated)
		t := own()
		t.at, t.body = at("event", fmt.Sprint(id)), `{"zone":3,"class":3}`
		return t
	}
	out["verifyEmail"] = func() thing { t := w.of(w.fresh()); t.own, t.body = true, `{}`; return t }
	out["endSessions"] = func() thing { t := w.of(w.fresh()); t.own = true; return t }
	return out
}

const own = "they act on their own account, for which the proof is another's"

// accounts are the operations about a person that take a proof or a name.
func (w *world) accounts() map[string]func() thing {
	h := w.h
	return map[string]func() thing{
		"deleteAccount": func() thing {
			t := w.of(w.typist())
			t.body, t.code, t.because = marshal(h.t, object{"password": goodPassword}), "password_refused", own
			return t
		},
		"recoveryCode": func() thing {
			r := w.fresh()
			t := w.of(r)
			t.body, t.code, t.because = marshal(h.t, h.assertion("recovery_code", r.phone, h.as(r.session)...)), "challenge_invalid", own
			return t
		},
		"changePassword": func() thing {
			t := w.of(w.typist())
			t.body = marshal(h.t, object{"new_password": "seven green umbrellas", "proof": object{"password": goodPassword}})
			t.code, t.because = "password_refused", own
			return t
		},
		"confirmEmail": func() thing {
			r := w.fresh()
			w.post()
			r.post("/v1/account/email/verify", object{}).want(http.StatusAccepted)
			t := w.of(r)
			t.body, t.code, t.because = marshal(h.t, object{"token": w.secret(h.letter("verify"))}), "link_invalid", "the letter confirms another's address"
			return t
		},
		"addPasskey": func() thing {
			r := w.typist()
			text, raw := h.ask("add_passkey", h.as(r.session)...)
			made, err := r.phone.Create(raw)
			if err != nil {
				h.t.Fatal(err)
			}
			t := w.of(r)
			t.body = marshal(h.t, object{"challenge": text, "password": goodPassword, "credential": object{
				"id": b64(made.CredentialID), "attestation_object": b64(made.AttestationObject), "client_data_json": b64(made.ClientDataJSON), "transports": []string{"internal"},
			}})
			t.code, t.because = "challenge_invalid", own
			return t
		},
		"endSession": func() thing {
			r := w.fresh()
			h.call("POST", "/v1/account/sign-in", marshal(h.t, h.assertion("sign_in", r.phone)), origin()).want(http.StatusOK)
			t := w.of(r)
			t.at = at("session", w.secret(account.SessionName(r.session)))
			return t
		},
		"enrolDID": func() thing {
			r := w.fresh()
			t := w.of(r)
			t.body, t.code, t.because = marshal(h.t, r.enrolment()), "did_not_proved", own
			return t
		},
		"addCredential": func() thing {
			c := w.office.vc(w.mina.did)
			c.Type, c.Age = credential.Age, &credential.AgeClaim{Over: 19}
			t := w.of(w.mina)
			t.body, t.code, t.because = w.office.issue(c), "credential_subject", "the credential says of itself whom it is about"
			return t
		},
		"removeCredential": func() thing {
			c := w.office.vc(w.mina.did)
			c.Type, c.Age = credential.Age, &credential.AgeClaim{Over: 15}
			var saved struct{ ID string }
			h.call("POST", "/v1/wallet/credentials", w.office.issue(c), h.as(w.mina.session)...).want(http.StatusCreated).into(&saved)
			t := w.of(w.mina)
			t.at = at("credential", saved.ID)
			return t
		},
	}
}

// family are the operations on what relatives agree about.
func (w *world) family() map[string]func() thing {
	h := w.h
	passed := func(r *relative) func() thing {
		return func() thing { t := w.of(r); t.at = at("transfer", w.transfer().ID); return t }
	}
	asked := func(r *relative) func() thing {
		return func() thing { t := w.of(r); t.at = at("ask", w.ask()); return t }
	}
	return map[string]func() thing{
		"cancelTransfer": passed(w.mina), "declineTransfer": passed(w.jun), "declineAsk": asked(w.mina), "cancelAsk": asked(w.jun),
		"give": func() thing {
			id := w.bound()
			terms := identity.Terms{Ticket: id, Version: 1, From: w.mina.phone.HolderKey(), To: w.jun.phone.HolderKey()}
			t := w.of(w.mina)
			t.body = marshal(h.t, w.mina.signs("transfer", terms.Give, object{"ticket": id, "to": w.jun.did}))
			t.theirs = func(eve *relative) string {
				return marshal(h.t, eve.signs("transfer", terms.Give, object{"ticket": id, "to": eve.did}))
			}
			return t
		},
		"acceptTransfer": func() thing {
			made := w.transfer()
			terms := made.terms()
			t := w.of(w.jun)
			t.at, t.body = at("transfer", made.ID), marshal(h.t, w.jun.signs("transfer_accept", terms.Accept, nil))
			t.theirs = func(eve *relative) string { return marshal(h.t, eve.signs("transfer_accept", terms.Accept, nil)) }
			return t
		},
		"ask": func() thing {
			t := w.of(w.jun)
			t.body = marshal(h.t, w.wish(w.jun))
			t.theirs = func(eve *relative) string { return marshal(h.t, w.wish(eve)) }
			return t
		},
		"hold": func() thing { // which anybody may; not for somebody's relative
			t := w.of(w.mina)
			t.scheme, t.at = "session", at("event", "1001")
			t.body = marshal(h.t, object{"zone": 1, "class": 1, "ask": w.ask()})
			return t
		},
	}
}

// tickets are the operations on what mina has, and on what she waits for.
func (w *world) tickets() map[string]func() thing {
	h := w.h
	paper := func() thing {
		t := w.of(w.mina)
		t.at = at("ticket", w.order(true, t.owner...).Tickets[0].ID)
		return t
	}
	session := func() thing {
		var s struct{ Lease string }
		w.mina.post("/v1/wallet/leases", object{"ticket": w.bound()}).want(http.StatusCreated).into(&s)
		t := w.of(w.mina)
		t.at = at("lease", w.secret(s.Lease))
		t.code, t.because = "lease_lapsed", "one that ended and one of another are told apart by nobody"
		return t
	}
	offered := func(body func(*relative) string) func() thing {
		return func() thing {
			w.events++
			t := w.of(w.mina)
			t.at, t.body, t.theirs = at("offer", w.secret(h.offered(w.events, w.mina))), body(w.mina), body
			return t
		}
	}
	return map[string]func() thing{
		"walletPaperPdf": paper, "walletPaperPng": paper, "beatLease": session, "endLease": session,
		"declineOffer": offered(func(*relative) string { return "" }),
		"acceptOffer":  offered(func(r *relative) string { return marshal(h.t, object{"holder": r.proof()}) }),
		"beginLease": func() thing {
			t := w.of(w.mina)
			t.body = marshal(h.t, object{"ticket": w.bound()})
			return t
		},
		"receipt": func() thing {
			id := w.bound().String()
			h.receipts[w.mina.account()+"/"+id] = api.Receipt{Signed: []byte("signed")}
			t := w.of(w.mina)
			t.at = at("ticket", id)
			return t
		},
		"returnOrder": func() thing {
			_, path := w.event()
			t := w.of(w.mina)
			o := h.call("POST", path+"/orders", `{"zone":3,"class":5,"paper":true}`, t.owner...).want(http.StatusCreated).order()
			h.call("POST", "/v1/orders/"+o.ID+"/pay", payOK, bearer(o.Secret)).want(http.StatusOK)
			t.at = at("order", w.secret(o.ID))
			return t
		},
		"leave": func() thing {
			t := w.personal()["wait"]()
			h.call("POST", "/v1/events/"+t.at["event"]+"/waiting", t.body, t.owner...).want(http.StatusOK)
			t.own, t.body = false, ""
			return t
		},
	}
}

// orders are the operations on an order, for whoever has its secret.
func (w *world) orders() map[string]func() thing {
	ordered := func(paid bool, body string) func() thing {
		return func() thing {
			o := w.order(paid)
			t := thing{owner: []header{bearer(o.Secret)}, at: at("order", o.ID), body: body}
			if paid {
				t.at["ticket"] = o.Tickets[0].ID
			}
			return t
		}
	}
	started := func(body string) func() thing {
		return func() thing {
			t := ordered(false, body)()
			var p started
			w.h.call("POST", "/v1/orders/"+t.at["order"]+"/payments", `{"provider":"sandbox"}`, t.owner...).want(http.StatusOK).into(&p)
			t.at["payment"] = w.secret(p.ID)
			return t
		}
	}
	return map[string]func() thing{
		"order": ordered(true, ""), "orderPaperPdf": ordered(true, ""), "orderPaperPng": ordered(true, ""),
		"pay": ordered(false, payOK), "startPayment": ordered(false, `{"provider":"sandbox"}`),
		"confirmPayment": started(`{"token":"ok"}`), "cancelPayment": started(""),
	}
}

// line are the operations on mina's place in the waiting room.
func (w *world) line() map[string]func() thing {
	place := func() thing {
		return thing{at: at("event", waited), owner: []header{queueToken(w.place(waited).Token), origin()}}
	}
	return map[string]func() thing{
		"pollQueue": place, "leaveQueue": place, "streamQueue": place,
		"enterQueue": func() thing {
			p := w.place(waited)
			return thing{at: at("event", waited), body: marshal(w.h.t, object{"token": p.Token}), owner: []header{w.h.asPerson(w.mina.account())}}
		},
	}
}

// tokens are the operations on the tokens of mina's tickets, and on where they go.
func (w *world) tokens() map[string]func() thing {
	h := w.h
	token := func(form mint.Form, body string) func() thing {
		return func() thing {
			id, account := w.bound(), w.mina.account()
			t := w.of(w.mina)
			t.at, t.body = at("ticket", id.String()), body
			if form != mint.None {
				w.marks = append(w.marks, h.becomes(account, id, form, mint.Mint).Address)
			} else if _, err := h.miner.wish(h.t.Context(), mint.Desire{Ticket: id, Event: 1001, Account: account}); err != nil {
				h.t.Fatal(err)
			}
			return t
		}
	}
	to, _ := outside("where mina sends it")
	return map[string]func() thing{
		"token": token(mint.Held, ""), "tokenProof": token(mint.Held, ""), "claimToken": token(mint.None, ""),
		"sendToken": token(mint.Free, marshal(h.t, object{"to": to})),
		"chainChallenge": func() thing {
			t := w.of(w.mina)
			address, _ := outside("mina's")
			t.own, t.body = true, marshal(h.t, object{"address": address, "language": "ko"})
			return t
		},
		"linkWallet": func() thing {
			r := w.fresh()
			t := w.of(r)
			t.body, t.code, t.because = r.links("x's"), "wallet_not_proved", "they are asked to sign a message of their own"
			return t
		},
		"unlinkWallet": func() thing {
			r := w.fresh()
			h.call("POST", "/v1/wallet/chain/link", r.links("y's"), h.as(r.session)...).want(http.StatusOK)
			t := w.of(r)
			t.code, t.because = "wallet_not_linked", own
			return t
		},
	}
}
