package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/con-ting/conting/central/api"
	"github.com/con-ting/conting/central/identity"
)

// Every address of the wallet that names something, asked by an account whose it
// is not: a stranger who knows all the names, and a relative in the wrong part.
func TestOthersThingsAreOutOfReach(t *testing.T) {
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

	offers := "/v1/wallet/offers/" + h.offered(mina)

	ticket, transfers, ask := "/v1/wallet/tickets/"+id.String(), "/v1/wallet/transfers/"+given.ID, "/v1/wallet/asks/"+asked.ID
	terms := given.terms()
	covered := map[string]bool{}
	for _, c := range []struct {
		who           *relative
		method, route string
		path          string
		body          object
		status        int
		code          string
	}{
		{eve, "GET", "/v1/wallet/tickets/{ticket}/receipt", ticket + "/receipt", nil, 404, "no_receipt"},
		{jun, "GET", "/v1/wallet/tickets/{ticket}/receipt", ticket + "/receipt", nil, 404, "no_receipt"},
		{eve, "GET", "/v1/wallet/tickets/{ticket}/paper.pdf", ticket + "/paper.pdf", nil, 404, "unknown_ticket"},
		{eve, "GET", "/v1/wallet/tickets/{ticket}/paper.png", ticket + "/paper.png", nil, 404, "unknown_ticket"},
		{eve, "POST", "", "/v1/wallet/leases", object{"ticket": id}, 404, "unknown_ticket"},
		{jun, "POST", "", "/v1/wallet/leases", object{"ticket": id}, 404, "unknown_ticket"},
		{eve, "POST", "/v1/wallet/leases/{lease}/beat", "/v1/wallet/leases/" + session.Lease + "/beat", nil, 410, "lease_lapsed"},
		{eve, "DELETE", "/v1/wallet/leases/{lease}", "/v1/wallet/leases/" + session.Lease, nil, 410, "lease_lapsed"},
		{eve, "DELETE", "/v1/wallet/credentials/{credential}", "/v1/wallet/credentials/" + vc.ID, nil, 404, "unknown_credential"},
		{jun, "DELETE", "/v1/wallet/credentials/{credential}", "/v1/wallet/credentials/" + vc.ID, nil, 404, "unknown_credential"},
		{eve, "POST", "", "/v1/wallet/transfers", eve.signs("transfer", terms.Give, object{"ticket": id, "to": eve.did}), 404, "unknown_ticket"},
		{jun, "POST", "", "/v1/wallet/transfers", jun.signs("transfer", terms.Give, object{"ticket": id, "to": jun.did}), 404, "unknown_ticket"},
		{eve, "POST", "/v1/wallet/transfers/{transfer}/accept", transfers + "/accept", eve.signs("transfer_accept", terms.Accept, nil), 404, "unknown_transfer"},
		{mina, "POST", "/v1/wallet/transfers/{transfer}/accept", transfers + "/accept", mina.signs("transfer_accept", terms.Accept, nil), 404, "unknown_transfer"},
		{jun, "POST", "/v1/wallet/transfers/{transfer}/accept", transfers + "/accept", jun.signs("transfer_accept", terms.Give, nil), 422, "passkey_refused"},
		{jun, "POST", "/v1/wallet/transfers/{transfer}/accept", transfers + "/accept", jun.signs("transfer", terms.Accept, nil), 422, "challenge_invalid"},
		{jun, "POST", "/v1/wallet/transfers/{transfer}/accept", transfers + "/accept", eve.signs("transfer_accept", terms.Accept, nil), 422, "challenge_invalid"},
		{eve, "POST", "/v1/wallet/transfers/{transfer}/decline", transfers + "/decline", nil, 404, "unknown_transfer"},
		{mina, "POST", "/v1/wallet/transfers/{transfer}/decline", transfers + "/decline", nil, 409, "transfer_closed"},
		{eve, "POST", "/v1/wallet/transfers/{transfer}/cancel", transfers + "/cancel", nil, 404, "unknown_transfer"},
		{jun, "POST", "/v1/wallet/transfers/{transfer}/cancel", transfers + "/cancel", nil, 409, "transfer_closed"},
		{eve, "POST", "/v1/wallet/asks/{ask}/decline", ask + "/decline", nil, 404, "unknown_ask"},
		{jun, "POST", "/v1/wallet/asks/{ask}/decline", ask + "/decline", nil, 409, "ask_closed"},
		{eve, "POST", "/v1/wallet/asks/{ask}/cancel", ask + "/cancel", nil, 404, "unknown_ask"},
		{mina, "POST", "/v1/wallet/asks/{ask}/cancel", ask + "/cancel", nil, 409, "ask_closed"},
		{eve, "POST", "/v1/wallet/offers/{offer}/accept", offers + "/accept", object{"holder": eve.proof()}, 404, "unknown_offer"},
		{jun, "POST", "/v1/wallet/offers/{offer}/decline", offers + "/decline", nil, 404, "unknown_offer"},
		{eve, "POST", "", "/v1/orders/" + order.ID + "/refund", nil, 404, "unknown_order"},
		{eve, "POST", "", orders, object{"zone": 1, "class": 1, "ask": asked.ID}, 404, "unknown_ask"},
		{jun, "POST", "", orders, object{"zone": 1, "class": 1, "ask": asked.ID}, 404, "unknown_ask"},
	} {
		var body string
		if c.body != nil {
			body = marshal(t, c.body)
		}
		h.call(c.method, c.path, body, h.as(c.who.session)...).problem(c.status, c.code)
		covered[c.method+" "+c.route] = true
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

	var doc struct {
		Paths map[string]map[string]any
	}
	h.call("GET", "/v1/openapi.json", "").want(http.StatusOK).into(&doc)
	for path, methods := range doc.Paths {
		for method := range methods {
			route := strings.ToUpper(method) + " " + path
			if strings.HasPrefix(path, "/v1/wallet/") && strings.Contains(path, "{") && !covered[route] && !slices.Contains([]string{"parameters"}, method) {
				t.Errorf("%s is not tried with somebody else's things", route)
			}
		}
	}
}
