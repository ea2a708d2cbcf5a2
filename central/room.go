package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// roomFlags are those of the command queue. What is not given keeps its value.
type roomFlags struct {
	opens                        string
	rate, work                   int
	pause, resume, close, reopen bool
}

func (r *roomFlags) take(s *flag.FlagSet) {
	s.StringVar(&r.opens, "opens", "", "`TIME` at which the room opens, as 2026-12-01T10:00:00+09:00; a new room needs it")
	s.IntVar(&r.rate, "rate", 0, "how many `PEOPLE` a minute are let in to buy")
	s.IntVar(&r.work, "work-bits", -1, "cost of entering, in `BITS` of a hash; 0 for none")
	s.BoolVar(&r.pause, "pause", false, "let nobody in for now")
	s.BoolVar(&r.resume, "resume", false, "end a pause")
	s.BoolVar(&r.close, "close", false, "take nobody new into the line")
	s.BoolVar(&r.reopen, "reopen", false, "take people into the line again")
}

// body is what the flags change; nil if nothing.
func (r *roomFlags) body(f *flags) (map[string]any, error) {
	b := make(map[string]any)
	if r.opens != "" {
		at, err := time.Parse(time.RFC3339, r.opens)
		if err != nil {
			return nil, f.Wrong("--opens %q is no time such as 2026-12-01T10:00:00+09:00", r.opens)
		}
		b["opens"] = at
	}
	if r.rate != 0 {
		b["rate_per_minute"] = r.rate
	}
	if r.work >= 0 {
		b["work_bits"] = r.work
	}
	for _, s := range []struct {
		key, on, off string
		yes, no      bool
	}{{"paused", "pause", "resume", r.pause, r.resume}, {"closed", "close", "reopen", r.close, r.reopen}} {
		switch {
		case s.yes && s.no:
			return nil, f.Wrong("--%s and --%s contradict each other", s.on, s.off)
		case s.yes || s.no:
			b[s.key] = s.yes
		}
	}
	return b, nil
}

// runQueue makes, changes or shows an event's waiting room.
func runQueue(ctx context.Context, a *app, f *flags) error {
	event, ad, err := f.event()
	if err != nil {
		return err
	}
	change, err := f.room.body(f)
	if err != nil {
		return err
	}
	method, body := http.MethodGet, []byte(nil)
	if len(change) > 0 {
		method = http.MethodPut
		if body, err = json.Marshal(change); err != nil {
			return err
		}
	}
	var raw json.RawMessage
	if err := ad.ask(ctx, method, "/admin/v1/events/"+event.String()+"/queue", body, &raw); err != nil {
		return err
	}
	if f.json {
		_, err := fmt.Fprintf(a.out, "%s\n", raw)
		return err
	}
	var got struct {
		Opens      time.Time `json:"opens"`
		Open       bool      `json:"open"`
		Paused     bool      `json:"paused"`
		Closed     bool      `json:"closed"`
		Commitment string    `json:"commitment"`
		Rate       int       `json:"rate_per_minute"`
		People     uint32    `json:"people"`
		Counts     struct {
			Entered uint64 `json:"entered"`
			Passed  uint64 `json:"passed"`
			Skipped uint64 `json:"skipped"`
			Left    uint64 `json:"left"`
		} `json:"counts"`
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		return err
	}
	state := "opens " + got.Opens.Local().Format(time.RFC3339)
	switch {
	case got.Closed:
		state = "closed"
	case got.Paused:
		state = "paused"
	case got.Open:
		state = "open"
	}
	_, err = fmt.Fprintf(a.out, "waiting room of %s: %s, %d a minute\n%d in line; %d entered, %d passed, %d silent, %d left\ncommitment %s\npage %s/queue/%s\n",
		event, state, got.Rate, got.People, got.Counts.Entered, got.Counts.Passed, got.Counts.Skipped, got.Counts.Left,
		got.Commitment, ad.base, event)
	return err
}

// runCallOff cancels an event for good.
func runCallOff(ctx context.Context, a *app, f *flags) error {
	event, ad, err := f.event()
	if err != nil {
		return err
	}
	if !f.yes {
		return f.Wrong("this ends every ticket of event %s and pays every order back, for good; say --yes", event)
	}
	var got struct {
		Open int `json:"open"`
	}
	if err := ad.call(ctx, "/admin/v1/events/"+event.String()+"/cancel", []byte("{}"), &got); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "event %s is called off; %d orders are still to be paid back, which goes on by itself\n", event, got.Open)
	return err
}

// event is the one argument of a command, and the central to tell about it.
func (f *flags) event() (ticket.EventID, *admin, error) {
	if err := f.Want(1, 1); err != nil {
		return 0, nil, err
	}
	id, err := ticket.ParseEventID(f.Rest[0])
	if err != nil {
		return 0, nil, f.Wrong("%s", err)
	}
	ad, err := newAdmin(f.config)
	return id, ad, err
}
