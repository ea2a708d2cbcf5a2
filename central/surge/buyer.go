package surge

import (
	"encoding/json"
	"fmt"
	"time"
)

// The steps of a [Sale]; the last two are states.
const (
	saleEnter = iota
	salePoll
	saleChallenge
	saleHold
	salePay
	saleOrder
	stepPaid
	stepGone
)

var saleSteps = [...]string{
	saleEnter: "enter", salePoll: "poll", saleChallenge: "challenge", saleHold: "hold", salePay: "pay", saleOrder: "order",
}

// attempts is how many seats somebody tries for.
const attempts = 20

// buyer is written by whoever has the person in hand.
type buyer struct {
	*visitor

	step      int
	token     string // of the queue
	admission string
	challenge string
	order     string
	secret    string
	at        int // the offer that is tried
	taken     int
	nonce     [8]byte
	paid      time.Duration
	places    []string
}

// Steps implements [Crowd].
func (s *Sale) Steps() []string { return saleSteps[:] }

// Ask implements [Crowd].
func (s *Sale) Ask(i int, b []byte) ([]byte, int) {
	p := &s.buyers[i]
	event := "/v1/events/" + s.cfg.Event.String()
	switch p.step {
	case saleEnter:
		token, _ := s.cfg.Access(p.account)
		return s.write.post(b, event+"/queue", nil, "", []byte("{}"), "Authorization", "Bearer "+token), p.step
	case salePoll:
		return s.write.get(b, event+"/queue", "Queue-Token", p.token), p.step
	case saleChallenge:
		return s.write.post(b, "/v1/challenges", nil, "", []byte("{}")), p.step
	case saleHold:
		body, err := s.holdBody(p)
		if err != nil {
			body = nil // the server will refuse it
		}
		var fields []string
		if p.admission != "" {
			fields = []string{"Queue-Admission", p.admission}
		}
		return s.write.post(b, event+"/orders", p.cookie, p.key("hold"), body, fields...), p.step
	case salePay:
		return s.write.post(b, "/v1/orders/"+p.order+"/pay", nil, p.key("pay"), []byte(`{"provider":"sandbox","token":"ok"}`), "Authorization", "Bearer "+p.secret), p.step
	}
	return s.write.get(b, "/v1/orders/"+p.order, "Authorization", "Bearer "+p.secret), saleOrder
}

func (s *Sale) holdBody(p *buyer) ([]byte, error) {
	authData, clientData, signature, err := p.visitor.key.get(s.listing.rp, p.challenge)
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		offer

		Holder map[string]any `json:"holder"`
	}{s.listing.offers[p.at], map[string]any{
		"public_key": p.visitor.key.holder, "challenge": p.challenge,
		"client_data_json": b64(clientData), "authenticator_data": b64(authData), "signature": b64(signature),
	}})
}

// Hear implements [Crowd].
func (s *Sale) Hear(i int, a *Answer) (time.Duration, bool) {
	p := &s.buyers[i]
	switch {
	case p.account == "":
		return p.leave()
	case passing(a):
		return max(a.RetryAfter, time.Second) + jitter(i, a.Done, time.Second), true
	case a.Step == saleEnter && a.Status == 404: // the event has no queue
		a.Fine = true
		return p.turn(saleChallenge)
	case a.Step == saleHold && a.Status == 409:
		a.Fine = true
		return s.another(i, p)
	case a.Step == saleHold && a.Status == 403, a.Step == salePoll && !a.OK(): // the admission, or the place, is too old
		p.admission = ""
		return p.turn(saleEnter)
	case a.Step == salePay && a.Status == 409 && p.taken < attempts: // the hold ran out
		return s.another(i, p)
	case !a.OK():
		return p.leave()
	}
	switch a.Step {
	case saleEnter, salePoll:
		return p.queued(i, a)
	case saleChallenge:
		return p.challenged(a)
	case saleHold:
		if s.listing.offers[p.at].Seat != "" {
			s.gone[p.at].Store(true)
		}
		return p.held(a)
	}
	return p.bought(a)
}

func (p *buyer) turn(step int) (time.Duration, bool) {
	p.step = step
	return 0, true
}

func (p *buyer) leave() (time.Duration, bool) {
	p.step = stepGone
	return 0, false
}

// another tries for another seat, of those that nobody is known to have: people look at a plan of the hall
// that is as fresh as the last answer to anybody. Whoever lost this one looks elsewhere, not where the
// others look next.
func (s *Sale) another(i int, p *buyer) (time.Duration, bool) {
	s.mark(p.at)
	if p.taken++; p.taken >= attempts {
		return p.leave()
	}
	n := len(s.listing.offers)
	from := int(jitter(i, time.Duration(p.taken)<<32|time.Duration(p.at), time.Duration(n)))
	for k := range n {
		if at := (from + k) % n; !s.gone[at].Load() {
			p.at = at
			return p.turn(saleChallenge)
		}
	}
	return p.leave()
}

// mark notes that an offer is gone. Where people stand, one place is as good as another: then all are.
func (s *Sale) mark(at int) {
	s.gone[at].Store(true)
	if o := s.listing.offers[at]; o.Seat == "" {
		for k, other := range s.listing.offers {
			if other.Zone == o.Zone {
				s.gone[k].Store(true)
			}
		}
	}
}

func (p *buyer) queued(i int, a *Answer) (time.Duration, bool) {
	var at struct {
		place

		Admission *struct {
			Token string `json:"token"`
		} `json:"admission"`
	}
	if json.Unmarshal(a.Body, &at) != nil {
		return p.leave()
	}
	if at.Token != "" {
		p.token = at.Token
	}
	switch {
	case at.Admission != nil && at.Admission.Token != "":
		p.admission = at.Admission.Token
		return p.turn(saleChallenge)
	case at.State == "left" && at.Reason != "left":
		p.step = saleEnter
	case at.State == "left" || at.State == "closed" || p.token == "":
		return p.leave()
	default:
		p.step = salePoll
	}
	return max(time.Duration(at.RetryMS)*time.Millisecond, 50*time.Millisecond) + jitter(i, a.Done, 10*time.Millisecond), true
}

func (p *buyer) challenged(a *Answer) (time.Duration, bool) {
	var got struct {
		Challenge string `json:"challenge"`
	}
	if json.Unmarshal(a.Body, &got) != nil || got.Challenge == "" {
		return p.leave()
	}
	p.challenge = got.Challenge
	return p.turn(saleHold)
}

func (p *buyer) held(a *Answer) (time.Duration, bool) {
	var got struct {
		ID     string `json:"id"`
		Secret string `json:"secret"`
	}
	if json.Unmarshal(a.Body, &got) != nil || got.ID == "" || got.Secret == "" {
		return p.leave()
	}
	p.order, p.secret = got.ID, got.Secret
	return p.turn(salePay)
}

// bought takes what became of a payment.
func (p *buyer) bought(a *Answer) (time.Duration, bool) {
	var got struct {
		State   string `json:"state"`
		Tickets []struct {
			ID   string `json:"id"`
			Zone uint16 `json:"zone"`
			Seat string `json:"seat"`
		} `json:"tickets"`
	}
	if json.Unmarshal(a.Body, &got) != nil {
		return p.leave()
	}
	switch {
	case got.State == "paid" && len(got.Tickets) > 0:
		for _, t := range got.Tickets {
			p.places = append(p.places, "ticket "+t.ID)
			if t.Seat != "" {
				p.places = append(p.places, fmt.Sprintf("seat %d/%s", t.Zone, t.Seat))
			}
		}
		p.step, p.paid = stepPaid, a.Done
		return 0, false
	case got.State == "paying", a.Status == 202:
		p.step = saleOrder
		return max(a.RetryAfter, time.Second), true
	}
	return p.leave()
}
