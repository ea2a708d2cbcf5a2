package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/con-ting/conting/central/api"
	"github.com/con-ting/conting/central/identity"
)

// What relatives agree on, asked for by a stranger who knows all the names, by a
// relative in the wrong part, and with one purpose's proof for another.
func TestWrongPartInAnAgreement(t *testing.T) {
	h := start(t).on()
	office := h.registrar()
	office.status().want(http.StatusOK)
	mina, jun, eve := h.relative("mina"), h.relative("jun"), h.relative("eve")
	var vc struct{ ID string }
	h.call("POST", "/v1/wallet/credentials", office.family(mina, jun), h.as(mina.session)...).want(http.StatusCreated).into(&vc)
	order := mina.orders("A-1")
	id := mina.pays(order)
	var given transfer
	mina.gives(id, 1).want(http.StatusCreated).into(&given)
	var asked struct{ ID string }
	jun.post("/v1/wallet/asks", jun.signs("ask", func(c []byte) []byte {
		return identity.AskTerms(c, 1001, 1, 1, mina.did)
	}, object{"event": 1001, "zone": 1, "class": 1, "to": mina.did, "max_amount": 165000})).want(http.StatusCreated).into(&asked)
	var session struct{ Lease string }
	mina.post("/v1/wallet/leases", object{"ticket": id}).want(http.StatusCreated).into(&session)
	var mine struct{ Account string }
	mina.get("/v1/account", &mine)
	h.receipts[mine.Account+"/"+id.String()] = api.Receipt{Signed: []byte("signed")}

	offers := "/v1/wallet/offers/" + h.offered(1002, mina)

	ticket, transfers, ask := "/v1/wallet/tickets/"+id.String(), "/v1/wallet/transfers/"+given.ID, "/v1/wallet/asks/"+asked.ID
	terms := given.terms()
	for _, c := range []struct {
		who          *relative
		method, path string
		body         object
		status       int
		code         string
	}{
		{eve, "GET", ticket + "/receipt", nil, 404, "no_receipt"},
		{jun, "GET", ticket + "/receipt", nil, 404, "no_receipt"},
		{eve, "GET", ticket + "/paper.pdf", nil, 404, "unknown_ticket"},
		{eve, "GET", ticket + "/paper.png", nil, 404, "unknown_ticket"},
		{eve, "POST", "/v1/wallet/leases", object{"ticket": id}, 404, "unknown_ticket"},
		{jun, "POST", "/v1/wallet/leases", object{"ticket": id}, 404, "unknown_ticket"},
		{eve, "POST", "/v1/wallet/leases/" + session.Lease + "/beat", nil, 410, "lease_lapsed"},
		{eve, "DELETE", "/v1/wallet/leases/" + session.Lease, nil, 410, "lease_lapsed"},
		{eve, "DELETE", "/v1/wallet/credentials/" + vc.ID, nil, 404, "unknown_credential"},
		{jun, "DELETE", "/v1/wallet/credentials/" + vc.ID, nil, 404, "unknown_credential"},
		{eve, "POST", "/v1/wallet/transfers", eve.signs("transfer", terms.Give, object{"ticket": id, "to": eve.did}), 404, "unknown_ticket"},
		{jun, "POST", "/v1/wallet/transfers", jun.signs("transfer", terms.Give, object{"ticket": id, "to": jun.did}), 404, "unknown_ticket"},
		{eve, "POST", transfers + "/accept", eve.signs("transfer_accept", terms.Accept, nil), 404, "unknown_transfer"},
		{mina, "POST", transfers + "/accept", mina.signs("transfer_accept", terms.Accept, nil), 404, "unknown_transfer"},
		{jun, "POST", transfers + "/accept", jun.signs("transfer_accept", terms.Give, nil), 422, "passkey_refused"},
		{jun, "POST", transfers + "/accept", jun.signs("transfer", terms.Accept, nil), 422, "challenge_invalid"},
		{jun, "POST", transfers + "/accept", eve.signs("transfer_accept", terms.Accept, nil), 422, "challenge_invalid"},
		{eve, "POST", transfers + "/decline", nil, 404, "unknown_transfer"},
		{mina, "POST", transfers + "/decline", nil, 409, "transfer_closed"},
		{eve, "POST", transfers + "/cancel", nil, 404, "unknown_transfer"},
		{jun, "POST", transfers + "/cancel", nil, 409, "transfer_closed"},
		{eve, "POST", ask + "/decline", nil, 404, "unknown_ask"},
		{jun, "POST", ask + "/decline", nil, 409, "ask_closed"},
		{eve, "POST", ask + "/cancel", nil, 404, "unknown_ask"},
		{mina, "POST", ask + "/cancel", nil, 409, "ask_closed"},
		{eve, "POST", offers + "/accept", object{"holder": eve.proof()}, 404, "unknown_offer"},
		{jun, "POST", offers + "/decline", nil, 404, "unknown_offer"},
		{eve, "POST", "/v1/orders/" + order.ID + "/refund", nil, 404, "unknown_order"},
		{eve, "POST", orders, object{"zone": 1, "class": 1, "ask": asked.ID}, 404, "unknown_ask"},
		{jun, "POST", orders, object{"zone": 1, "class": 1, "ask": asked.ID}, 404, "unknown_ask"},
	} {
		var body string
		if c.body != nil {
			body = marshal(t, c.body)
		}
		h.call(c.method, c.path, body, h.as(c.who.session)...).problem(c.status, c.code)
	}
	// Lists hold nothing of others.
	for _, path := range []string{"tickets", "transfers", "asks", "credentials", "family", "orders", "offers"} {
		a := h.call("GET", "/v1/wallet/"+path, "", h.as(eve.session)...).want(http.StatusOK)
		if strings.Contains(string(a.body), "mina") || strings.Contains(string(a.body), "m***") || strings.Contains(string(a.body), id.String()) {
			t.Errorf("eve's %s: %s", path, a.body)
		}
	}
	// None of which changed anything for those whose it is.
	h.call("POST", "/v1/wallet/leases/"+session.Lease+"/beat", "", h.as(mina.session)...).want(http.StatusNoContent)
	jun.post(transfers+"/accept", jun.signs("transfer_accept", terms.Accept, nil)).want(http.StatusOK)
	jun.post(ask+"/cancel", nil).want(http.StatusNoContent)
}
