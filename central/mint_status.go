package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"
)

// mintReport is what the running central says of its mint.
type mintReport struct {
	Mode      string `json:"mode"`
	Running   bool   `json:"running"`
	Trouble   string `json:"trouble"`
	Authority string `json:"authority"`
	Payer     struct {
		Address string    `json:"address"`
		Balance uint64    `json:"balance"`
		Low     bool      `json:"low"`
		Asked   time.Time `json:"asked"`
	} `json:"payer"`
	Tokens     map[string]int64 `json:"tokens"`
	Unsettled  int64            `json:"unsettled"`
	Stuck      int64            `json:"stuck"`
	Actions    map[string]int64 `json:"actions"`
	Fees       int64            `json:"fees"`
	Rent       int64            `json:"rent"`
	Reconciled *struct {
		At        time.Time `json:"at"`
		Checked   int       `json:"checked"`
		Different int       `json:"different"`
	} `json:"reconciled"`
	Nodes []struct {
		Name    string `json:"name"`
		Slot    uint64 `json:"slot"`
		Behind  uint64 `json:"behind"`
		Resting int64  `json:"resting_ms"`
		Problem string `json:"problem"`
	} `json:"nodes"`
}

const mintPath = "/admin/v1/mint"

// runMintStatus says how tickets' tokens stand.
func runMintStatus(ctx context.Context, a *app, f *flags) error {
	if err := f.Want(0, 0); err != nil {
		return err
	}
	ad, err := newAdmin(f.config)
	if err != nil {
		return err
	}
	var raw json.RawMessage
	if err := ad.ask(ctx, http.MethodGet, mintPath, nil, &raw); err != nil {
		return err
	}
	if f.json {
		_, err := fmt.Fprintf(a.out, "%s\n", raw)
		return err
	}
	var r mintReport
	if err := json.Unmarshal(raw, &r); err != nil {
		return err
	}
	return r.write(a.out)
}

func (r *mintReport) write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		_, _ = fmt.Fprintf(t, name+"\t"+format+"\n", args...) // Flush says what went wrong
	}
	state := "at work"
	switch {
	case !r.Running:
		state = "not at work here"
	case r.Trouble != "":
		state = "at work, with trouble: " + r.Trouble
	}
	line("mint", "%s, %s", r.Mode, state)
	line("authority", "%s", r.Authority)
	balance := "balance not known yet"
	if !r.Payer.Asked.IsZero() {
		balance = sol(int64(min(r.Payer.Balance, 1<<62))) // #nosec G115 -- bounded
		if r.Payer.Low {
			balance += ", which is low: send it some"
		}
	}
	line("fee payer", "%s  %s", r.Payer.Address, balance)
	line("tokens", "%d held, %d free, %d burned, %d never minted", r.Tokens["held"], r.Tokens["free"], r.Tokens["burned"], r.Tokens["none"])
	line("", "%d not yet what they shall be, %d need a person", r.Unsettled, r.Stuck)
	line("actions", "%d wanted, %d signed, %d sent, %d confirmed, %d final, %d failed", r.Actions["wanted"], r.Actions["prepared"], r.Actions["sent"],
		r.Actions["confirmed"], r.Actions["finalized"], r.Actions["failed"])
	line("paid", "fees %s, rent in accounts %s", sol(r.Fees), sol(r.Rent))
	if k := r.Reconciled; k != nil {
		line("compared", "%d tokens with the chain, %d differ, %s", k.Checked, k.Different, k.At.Local().Format(time.RFC3339))
	}
	for _, n := range r.Nodes {
		if n.Slot == 0 && n.Problem == "" {
			line("node", "%s  not asked yet", n.Name)
			continue
		}
		how := "well"
		switch {
		case n.Problem != "" && n.Resting > 0:
			how = fmt.Sprintf("%s, asked again in %s", n.Problem, time.Duration(n.Resting)*time.Millisecond)
		case n.Problem != "":
			how = n.Problem
		}
		line("node", "%s  slot %d, %d behind, %s", n.Name, n.Slot, n.Behind, how)
	}
	return t.Flush()
}

// sol writes lamports as SOL, exactly.
func sol(lamports int64) string {
	sign := ""
	if lamports < 0 {
		sign, lamports = "-", -lamports
	}
	return fmt.Sprintf("%s%d.%09d SOL", sign, lamports/1e9, lamports%1e9)
}
