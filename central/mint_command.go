package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/con-ting/conting/central/mint/merkle"
	"github.com/con-ting/conting/sync/command"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/ticket"
)

// eachPage gets all pages of a list.
func eachPage[T any](ctx context.Context, ad *admin, path, name string, each func(T) error) error {
	for cursor := ""; ; {
		var page map[string]json.RawMessage
		if err := ad.ask(ctx, http.MethodGet, path+"?cursor="+cursor, nil, &page); err != nil {
			return err
		}
		var items []T
		if err := json.Unmarshal(page[name], &items); err != nil {
			return err
		}
		for _, item := range items {
			if err := each(item); err != nil {
				return err
			}
		}
		if page["next"] == nil {
			return nil
		}
		if err := json.Unmarshal(page["next"], &cursor); err != nil {
			return err
		}
	}
}

// runMintFailed lists what needs a person.
func runMintFailed(ctx context.Context, a *app, f *flags) error {
	if err := f.Want(0, 0); err != nil {
		return err
	}
	ad, err := newAdmin(f.config)
	if err != nil {
		return err
	}
	type failure struct {
		Kind      string    `json:"kind"`
		Reason    string    `json:"reason"`
		Event     int       `json:"event"`
		Ticket    string    `json:"ticket"`
		Attempts  int       `json:"attempts"`
		Signature string    `json:"signature"`
		Changed   time.Time `json:"changed"`
	}
	n := 0
	err = eachPage(ctx, ad, mintPath+"/failed", "failed", func(raw json.RawMessage) error {
		n++
		if f.json {
			_, err := fmt.Fprintf(a.out, "%s\n", raw)
			return err
		}
		var x failure
		if err := json.Unmarshal(raw, &x); err != nil {
			return err
		}
		of := "ticket " + x.Ticket
		if x.Ticket == "" {
			of = fmt.Sprintf("event %d", x.Event)
		}
		_, err := fmt.Fprintf(a.out, "%s  %s of %s: %s, after %d attempts  %s\n", x.Changed.Local().Format(time.RFC3339), x.Kind, of, x.Reason, x.Attempts, x.Signature)
		return err
	})
	if err == nil && n == 0 && !f.json {
		_, err = fmt.Fprintln(a.out, "nothing has failed")
	}
	return err
}

// runMintRetry has one ticket's token, or all that failed, tried again.
func runMintRetry(ctx context.Context, a *app, f *flags) error {
	if err := f.Want(0, 1); err != nil {
		return err
	}
	if f.all == (len(f.Rest) == 1) {
		return f.Wrong("name one TICKET, or say --all")
	}
	body := `{"all":true}`
	if !f.all {
		id, err := ticket.ParseID(f.Rest[0])
		if err != nil {
			return f.Wrong("%s", err)
		}
		body = `{"ticket":"` + id.String() + `"}`
	}
	ad, err := newAdmin(f.config)
	if err != nil {
		return err
	}
	var got struct {
		Retried int `json:"retried"`
	}
	if err := ad.call(ctx, mintPath+"/retry", []byte(body), &got); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "%d tokens are tried again\n", got.Retried)
	return err
}

const (
	walkPoll    = 250 * time.Millisecond
	walkTime    = 10 * time.Minute
	walkTrouble = time.Minute // that a mint has before it is not waited for any longer
)

// errDiffers ends a comparison that found something.
const errDiffers = command.Status(1)

// runMintReconcile compares all tokens with the chain, and lists what differs.
func runMintReconcile(ctx context.Context, a *app, f *flags) error {
	if err := f.Want(0, 0); err != nil {
		return err
	}
	ad, err := newAdmin(f.config)
	if err != nil {
		return err
	}
	var before, after mintReport
	if err := ad.ask(ctx, http.MethodGet, mintPath, nil, &before); err != nil {
		return err
	}
	if err := ad.call(ctx, mintPath+"/reconcile", []byte("{}"), nil); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, walkTime)
	defer cancel()
	tick := time.NewTicker(walkPoll)
	defer tick.Stop()
	began := a.now()
	for after.Reconciled == nil || before.Reconciled != nil && !after.Reconciled.At.After(before.Reconciled.At) {
		select {
		case <-ctx.Done():
			return hint.Errorf("it goes on; see `central mint status`, and central's log", "the comparison takes long: %w", ctx.Err())
		case <-tick.C:
		}
		after = mintReport{}
		if err := ad.ask(ctx, http.MethodGet, mintPath, nil, &after); err != nil {
			return err
		}
		if after.Trouble != "" && a.now().Sub(began) > walkTrouble {
			return hint.Errorf("see `central mint status`, and try again when its nodes are well", "the tokens cannot be compared with the chain: %s", after.Trouble)
		}
	}
	type difference struct {
		Ticket  string `json:"ticket"`
		Address string `json:"address"`
		What    string `json:"what"`
		Want    string `json:"want"`
		Got     string `json:"got"`
	}
	n := 0
	err = eachPage(ctx, ad, mintPath+"/differences", "differences", func(raw json.RawMessage) error {
		n++
		if f.json {
			_, err := fmt.Fprintf(a.out, "%s\n", raw)
			return err
		}
		var d difference
		if err := json.Unmarshal(raw, &d); err != nil {
			return err
		}
		_, err := fmt.Fprintf(a.out, "ticket %s  %s: %s; kept as %q, on chain %q\n", d.Ticket, d.Address, d.What, d.Want, d.Got)
		return err
	})
	if err == nil && !f.json {
		_, err = fmt.Fprintf(a.out, "%d tokens were compared with the chain, %d differences\n", after.Reconciled.Checked, n)
	}
	if err == nil && n > 0 {
		return errDiffers
	}
	return err
}

// runMintVerify checks a holder's proof without any central.
func runMintVerify(_ context.Context, a *app, f *flags) error {
	if err := f.Want(1, 1); err != nil {
		return err
	}
	data, err := readFile(f.Rest[0], merkle.MaxProof)
	if err != nil {
		return err
	}
	p, err := merkle.ParseProof(data)
	if err != nil {
		return hint.Errorf("fetch it again at GET /v1/wallet/tickets/TICKET/token/proof", "%s: %w", f.Rest[0], err)
	}
	if f.memo != "" {
		m, err := merkle.ParseMemo(strings.TrimSpace(f.memo))
		if err != nil {
			return f.Wrong("--memo: %s", err)
		}
		if m.Set != p.Set {
			return fmt.Errorf("%s: %w: the memo is of set %d of event %s", f.Rest[0], merkle.ErrProof, m.Set.Version, m.Set.Event)
		}
		if err := p.Verify(m.Root); err != nil {
			return fmt.Errorf("%s: %w", f.Rest[0], err)
		}
	}
	t := &p.Record.Ticket
	if f.json {
		return json.NewEncoder(a.out).Encode(map[string]any{
			"ticket": t.ID, "event": t.Event, "set_version": p.Set.Version, "seat": t.Seat, "status": p.Record.Status.String(),
			"memo": p.Memo().String(), "transaction": p.Transaction, "compared": f.memo != "",
		})
	}
	_, err = fmt.Fprintf(a.out, "ticket %s of event %s, seat %q, %s, stands in set %d, whose root is in the memo\n  %s\n",
		t.ID, t.Event, t.Seat, p.Record.Status, p.Set.Version, p.Memo())
	if err != nil {
		return err
	}
	switch {
	case f.memo != "":
		_, err = fmt.Fprintln(a.out, "which is the memo that you gave.")
	case p.Transaction != "":
		_, err = fmt.Fprintf(a.out, "Now look that this is the memo of transaction\n  %s\nsigned by the organiser's fee payer; or give what is there by --memo.\n", p.Transaction)
	default:
		_, err = fmt.Fprintln(a.out, "Now look for it on chain, or give what is there by --memo.")
	}
	return err
}
