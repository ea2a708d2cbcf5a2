package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/sync/ticket"
)

type mintView struct {
	Mode      mint.Mode            `json:"mode"`
	Running   bool                 `json:"running"`
	Trouble   string               `json:"trouble,omitempty"`
	Authority string               `json:"authority"`
	Payer     payerView            `json:"payer"`
	Tokens    map[string]int64     `json:"tokens"` // by form; none for never minted
	Unsettled int64                `json:"unsettled"`
	Stuck     int64                `json:"stuck"`
	Actions   map[mint.State]int64 `json:"actions"`
	Fees      int64                `json:"fees"`
	Rent      int64                `json:"rent"`
	Walk      *walkView            `json:"reconciled,omitempty"`
	Nodes     []nodeView           `json:"nodes"`
}

type payerView struct {
	Address string    `json:"address"`
	Balance uint64    `json:"balance"`
	Low     bool      `json:"low"`
	Asked   time.Time `json:"asked,omitzero"`
}

type walkView struct {
	At        time.Time `json:"at"`
	Checked   int       `json:"checked"`
	Different int       `json:"different"`
}

type nodeView struct {
	Name    string `json:"name"`
	Slot    uint64 `json:"slot"`
	Behind  uint64 `json:"behind"`
	Resting int64  `json:"resting_ms"`
	Problem string `json:"problem,omitempty"`
}

func (a *API) mintStatus(ctx context.Context, _ *gin.Context) (int, any, error) {
	m := a.cfg.Mint
	t, err := m.Store.Tally(ctx)
	if err != nil {
		return 0, nil, err
	}
	s := m.Worker.Status()
	v := mintView{
		Mode: m.Mode, Running: s.Running, Trouble: s.Trouble, Authority: s.Authority,
		Payer:  payerView{Address: s.Payer, Balance: s.Balance, Low: s.Low},
		Tokens: map[string]int64{}, Unsettled: t.Unsettled, Stuck: t.Stuck, Actions: map[mint.State]int64{},
		Fees: t.Fees, Rent: t.Rent, Nodes: []nodeView{},
	}
	if !s.Asked.IsZero() {
		v.Payer.Asked = s.Asked.UTC()
	}
	for _, f := range []mint.Form{mint.None, mint.Held, mint.Free, mint.Burned} {
		v.Tokens[formName(f)] = t.Forms[f]
	}
	for _, s := range mintStates() {
		v.Actions[s] = t.Actions[s]
	}
	if !s.Reconciled.IsZero() {
		v.Walk = &walkView{At: s.Reconciled.UTC(), Checked: s.Checked, Different: s.Different}
	}
	for _, n := range m.Nodes() {
		v.Nodes = append(v.Nodes, nodeView{Name: n.Name, Slot: n.Slot, Behind: n.Behind, Resting: n.Resting.Milliseconds(), Problem: n.Problem})
	}
	return http.StatusOK, v, nil
}

func formName(f mint.Form) string {
	if f == mint.None {
		return "none"
	}
	return string(f)
}

func mintStates() []mint.State {
	return []mint.State{mint.Wanted, mint.Prepared, mint.Sent, mint.Confirmed, mint.Finalized, mint.Failed, mint.Dropped}
}

type failedView struct {
	ID       int64          `json:"id"`
	Event    ticket.EventID `json:"event"`
	Ticket   ticket.ID      `json:"ticket,omitzero"` // absent for the root of a set
	Attempts int            `json:"attempts"`
	tokenActionView
}

func (a *API) mintFailed(ctx context.Context, c *gin.Context) (int, any, error) {
	after, limit, err := numberPage(c, 63)
	if err != nil {
		return 0, nil, err
	}
	all, err := a.cfg.Mint.Store.FailedActions(ctx, int64(after), limit) // #nosec G115 -- of 63 bits
	if err != nil {
		return 0, nil, err
	}
	out := make([]failedView, 0, len(all))
	last := ""
	for i := range all {
		f := &all[i]
		out = append(out, failedView{ID: f.ID, Event: f.Event, Ticket: f.Ticket, Attempts: f.Attempt, tokenActionView: a.cfg.Mint.viewAction(f)})
		last = strconv.FormatInt(f.ID, 10)
	}
	return http.StatusOK, list("failed", out, next(len(all), limit, last)), nil
}

type retryBody struct {
	Ticket ticket.ID `json:"ticket"`
	All    bool      `json:"all"`
}

func (a *API) mintRetry(ctx context.Context, c *gin.Context) (int, any, error) {
	var b retryBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	if b.All == !b.Ticket.IsZero() {
		return 0, nil, &detailError{code: "invalid_request", detail: "what is to be tried again?", hint: `send either "ticket" or "all": true`}
	}
	n, err := a.cfg.Mint.Store.Retry(ctx, b.Ticket, b.All)
	if err != nil {
		return 0, nil, err
	}
	a.cfg.Mint.Worker.Wake()
	return http.StatusOK, gin.H{"retried": n}, nil
}

type differenceView struct {
	Ticket  ticket.ID      `json:"ticket,omitzero"` // absent for the root of a set
	Event   ticket.EventID `json:"event"`
	Address string         `json:"address,omitempty"`
	Link    string         `json:"link,omitempty"`
	What    mint.What      `json:"what"`
	Want    string         `json:"want"`
	Got     string         `json:"got"`
	Found   time.Time      `json:"found"`
}

func (a *API) mintDifferences(ctx context.Context, c *gin.Context) (int, any, error) {
	cursor, limit, err := page(c)
	if err != nil {
		return 0, nil, err
	}
	after, ok := parseDifference(cursor)
	if !ok {
		return 0, nil, codeError("invalid_cursor")
	}
	all, err := a.cfg.Mint.Store.DifferencesAfter(ctx, after, limit)
	if err != nil {
		return 0, nil, err
	}
	out := make([]differenceView, 0, len(all))
	last := ""
	for i := range all {
		d := &all[i]
		out = append(out, differenceView{
			Ticket: d.Ticket, Event: d.Event, Address: d.Address, Link: fill(a.cfg.Mint.Link, "{address}", d.Address),
			What: d.What, Want: d.Want, Got: d.Got, Found: d.Found.UTC(),
		})
		last = differenceKey(d)
	}
	return http.StatusOK, list("differences", out, next(len(all), limit, last)), nil
}

// differenceKey is what a difference is listed by.
func differenceKey(d *mint.Difference) string {
	return strings.Join([]string{d.Ticket.String(), d.Event.String(), d.Address, string(d.What)}, ".")
}

// parseDifference reads what [differenceKey] made; nothing is what comes before all.
func parseDifference(key string) (d mint.Difference, ok bool) {
	if key == "" {
		return d, true
	}
	parts := strings.Split(key, ".")
	if len(parts) != 4 {
		return d, false
	}
	id, err := ticket.ParseID(parts[0])
	if err != nil {
		return d, false
	}
	event, err := ticket.ParseEventID(parts[1])
	return mint.Difference{Ticket: id, Event: event, Address: parts[2], What: mint.What(parts[3])}, err == nil
}

// mintReconcile begins what may take long; how it ended stands in the status.
func (a *API) mintReconcile(context.Context, *gin.Context) (int, any, error) {
	if err := a.cfg.Mint.Reconcile(); err != nil {
		return 0, nil, err
	}
	return http.StatusAccepted, gin.H{}, nil
}
