package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
)

// gateStatus is what gate status says.
type gateStatus struct {
	Running     bool            `json:"running"`
	Device      string          `json:"device"`
	Role        string          `json:"role"`
	Gate        string          `json:"gate"`
	Certificate time.Time       `json:"certificate_until"`
	Events      []eventStatus   `json:"events"`
	Journal     journalStatus   `json:"journal"`
	Lists       []listStatus    `json:"status_lists"`     // of credentials
	Health      json.RawMessage `json:"health,omitempty"` // what the running gate says of itself
}

type eventStatus struct {
	Event    string     `json:"event"`
	Name     string     `json:"name,omitempty"`
	Set      uint64     `json:"set"` // version; 0 is none
	Tickets  uint32     `json:"tickets"`
	Delta    uint64     `json:"delta"`
	Ledger   uint64     `json:"ledger"`
	Expires  *time.Time `json:"expires,omitempty"`
	Heard    *time.Time `json:"heard,omitempty"` // central's newest beacon
	Admitted int        `json:"admitted"`        // by this gate
}

// listStatus is one registrar's list of the credentials that it took back.
type listStatus struct {
	URL     string     `json:"url"`
	Issuer  string     `json:"issuer"`
	Issued  *time.Time `json:"issued,omitempty"` // absent: the gate has none
	Seconds int64      `json:"age_seconds,omitempty"`
}

type journalStatus struct {
	Entries uint64 `json:"entries"`
	Acked   uint64 `json:"acked"`
}

func statusCommand() *subcommand {
	return &subcommand{
		name: "status", args: "", summary: "say what this gate knows and whether it runs",
		detail: `
Reads the database without changing it, and asks the running gate if there is one.

  gate status
  gate status --json | jq .journal`,
		flags: func(c *call) { c.asJSON = c.Bool("json", false, "print one JSON object") },
		run: func(ctx context.Context, a *app, c *call) error {
			if err := c.Want(0, 0); err != nil {
				return err
			}
			conf, err := c.load()
			if err != nil {
				return err
			}
			u, err := a.peek(ctx, &conf)
			if err != nil {
				return err
			}
			s, err := gather(ctx, u, &conf, a.now())
			if err = errors.Join(err, u.store.Close()); err != nil {
				return diskError(err)
			}
			if *c.asJSON {
				enc := json.NewEncoder(a.out)
				enc.SetIndent("", "  ")
				return enc.Encode(s)
			}
			return a.showStatus(s)
		},
	}
}

func gather(ctx context.Context, u *unlocked, conf *config, now time.Time) (*gateStatus, error) {
	id := u.id
	s := &gateStatus{
		Device: string(id.Device()), Role: string(id.Role()), Gate: id.Gate(),
		Certificate: id.Certificate().NotAfter.UTC(), Events: []eventStatus{},
	}
	head, err := u.store.Head(ctx)
	if err != nil {
		return nil, err
	}
	acked, err := u.store.Acked(ctx)
	if err != nil {
		return nil, err
	}
	s.Journal = journalStatus{Entries: head.Seq, Acked: acked.Seq}
	if s.Lists, err = u.statusLists(ctx, now); err != nil {
		return nil, err
	}
	for _, e := range id.Events() {
		es, err := u.eventStatus(ctx, e)
		if err != nil {
			return nil, err
		}
		s.Events = append(s.Events, es)
	}
	if address := liveAddress(ctx, conf); address != "" {
		s.Running = true
		if body, err := getPanel(ctx, address, "/healthz"); err == nil && json.Valid(body) {
			s.Health = body
		}
	}
	return s, nil
}

// statusLists returns the lists that the trust list names, with how old those of
// the disk are.
func (u *unlocked) statusLists(ctx context.Context, now time.Time) ([]listStatus, error) {
	out := []listStatus{}
	kept, err := u.store.StatusLists(ctx)
	if err != nil || u.list == nil {
		return out, err
	}
	for _, i := range u.list.Issuers {
		for _, url := range i.StatusURLs {
			l := listStatus{URL: url, Issuer: i.Name}
			if at := slices.IndexFunc(kept, func(k store.StatusList) bool { return k.URL == url }); at >= 0 {
				issued := time.Unix(kept[at].Issued, 0).UTC()
				l.Issued, l.Seconds = &issued, max(int64(now.Sub(issued)/time.Second), 0)
			}
			out = append(out, l)
		}
	}
	return out, nil
}

func (u *unlocked) eventStatus(ctx context.Context, e ticket.EventID) (eventStatus, error) {
	es := eventStatus{Event: e.String()}
	st, err := u.store.SetState(ctx, e)
	es.Ledger = st.Ledger
	if errors.Is(err, store.ErrNoSet) {
		return es, nil
	}
	if err != nil {
		return es, err
	}
	expires := time.Unix(st.Expires, 0).UTC()
	es.Name, es.Set, es.Tickets, es.Delta, es.Expires = st.Event.Name, st.Version, st.Total, st.Delta.Seq, &expires
	if es.Admitted, err = u.store.Admitted(ctx, e); err != nil {
		return es, err
	}
	if heard := u.heard(ctx, e); !heard.IsZero() {
		es.Heard = &heard
	}
	return es, nil
}

// heard returns when central signed the newest beacon that this gate took.
func (u *unlocked) heard(ctx context.Context, e ticket.EventID) time.Time {
	raw, err := u.store.Meta(ctx, store.MetaBeacon(e))
	if err != nil || u.ring == nil {
		return time.Time{}
	}
	b, err := ticketset.OpenBeacon(u.ring, e, raw, u.store.Clock().Now().Time())
	if err != nil {
		return time.Time{}
	}
	return time.Unix(b.Issued, 0).UTC()
}

func (a *app) showStatus(s *gateStatus) error {
	var b strings.Builder
	running := "not running"
	if s.Running {
		running = "running"
	}
	fmt.Fprintf(&b, "%s %s at gate %q, %s\n", s.Role, s.Device, s.Gate, running)
	fmt.Fprintf(&b, "certificate until %s\n", s.Certificate.Format(time.RFC3339))
	for _, e := range s.Events {
		if e.Set == 0 {
			fmt.Fprintf(&b, "event %s: no ticket set\n", e.Event)
			continue
		}
		heard := "never confirmed by central"
		if e.Heard != nil {
			heard = "confirmed " + e.Heard.Format(time.RFC3339)
		}
		fmt.Fprintf(&b, "event %s %q: set %d with %d tickets, delta %d, %s, expires %s; %d admitted here\n",
			e.Event, e.Name, e.Set, e.Tickets, e.Delta, heard, e.Expires.Format(time.RFC3339), e.Admitted)
	}
	for _, l := range s.Lists {
		age := "not here"
		if l.Issued != nil {
			age = fmt.Sprintf("%s old", time.Duration(l.Seconds)*time.Second)
		}
		fmt.Fprintf(&b, "status list of %s: %s (%s)\n", l.Issuer, age, l.URL)
	}
	fmt.Fprintf(&b, "journal: %d entries, %d acknowledged by central\n", s.Journal.Entries, s.Journal.Acked)
	_, err := a.out.Write([]byte(b.String()))
	return err
}
