package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/con-ting/conting/testdata/stage"
)

// maxBody holds a screenshot in base64.
const maxBody = 32 << 20

// patience is how long one step may take.
const patience = 30 * time.Second

func (v *venue) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /venue", step(v.describe))
	mux.Handle("POST /events", step(v.importEvent))
	mux.Handle("POST /gates", step(v.openGate))
	mux.Handle("POST /gates/{gate}/sees", step(v.sees))
	mux.Handle("POST /gates/{gate}/types", step(v.types))
	mux.Handle("POST /gates/{gate}/cable", step(v.cable))
	mux.Handle("POST /gates/{gate}/passage", step(v.passage))
	mux.Handle("POST /gates/{gate}/verdict", step(v.later))
	mux.Handle("POST /central", step(v.switchCentral))
	mux.Handle("POST /mint", step(v.openMint))
	mux.Handle("POST /lens", step(v.lens))
	mux.Handle("POST /registrar", step(v.certify))
	mux.Handle("POST /revoke", step(v.revoke))
	return mux
}

// step runs one step of a test: JSON in, JSON out, an error as text.
func step[In any](do func(ctx context.Context, r *http.Request, in In) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		var in In
		if r.Method == http.MethodPost {
			dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
			dec.DisallowUnknownFields()
			if err := dec.Decode(&in); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
		}
		out, err := do(ctx, r, in)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(out)
	})
}

type none struct{}

func (v *venue) describe(context.Context, *http.Request, none) (any, error) {
	return map[string]any{
		"event": v.event, "api": v.stage.Page(), "wallet": v.stage.Wallet(), "token_file": v.stage.TokenFile(),
	}, nil
}

func (v *venue) at(r *http.Request) (*entrance, error) { return v.entrance(r.PathValue("gate")) }

func (v *venue) entrance(key string) (*entrance, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	e, ok := v.gates[key]
	if !ok {
		return nil, fmt.Errorf("no gate %q", key)
	}
	return e, nil
}

// verdict waits for what the gate makes of something that is shown to it.
func (e *entrance) verdict(ctx context.Context, since int) (stage.Event, error) {
	v, err := e.Feed.Await(ctx, since, func(v stage.Event) bool { return v.Event == "verdict" && !v.Repeat })
	if err != nil {
		return v, fmt.Errorf("gate %s gave no verdict: %w", e.Name, err)
	}
	return v, nil
}

type shown struct {
	Screens []screen `json:"screens"` // one after the other, as often as needed
	Millis  int64    `json:"millis"`  // how long they are held up; as long as a step may take if 0
}

// sees holds screens up to the gate's camera until it gives its verdict. Where it
// gives none, because it reads nothing or what it reads is not whole, the answer is
// the newest parts of a presentation, without an outcome.
func (v *venue) sees(ctx context.Context, r *http.Request, in shown) (any, error) {
	e, err := v.at(r)
	if err != nil {
		return nil, err
	}
	pictures, err := photographs(in.Screens)
	if err != nil {
		return nil, err
	}
	since := e.Feed.Mark()
	e.phone.Show(pictures)
	defer e.phone.Hide()
	if in.Millis == 0 {
		return e.verdict(ctx, since)
	}
	limited, cancel := context.WithTimeout(ctx, time.Duration(in.Millis)*time.Millisecond)
	defer cancel()
	verdict, err := e.verdict(limited, since)
	if err != nil && ctx.Err() == nil {
		return e.Feed.Last(func(v stage.Event) bool { return v.Event == "parts" }), nil // the test holds it up again
	}
	return verdict, err
}

type after struct {
	Seq uint64 `json:"seq"` // of the journal's entry
}

// later waits for the first verdict after an entry: a steward's word for instance.
func (v *venue) later(ctx context.Context, r *http.Request, in after) (any, error) {
	e, err := v.at(r)
	if err != nil {
		return nil, err
	}
	return e.Feed.Await(ctx, 0, func(v stage.Event) bool { return v.Event == "verdict" && !v.Repeat && v.Seq > in.Seq })
}

type typed struct {
	Text string `json:"text"`
}

// types gives the gate a text as a scan engine would: as a perfect photograph.
func (v *venue) types(ctx context.Context, r *http.Request, in typed) (any, error) {
	e, err := v.at(r)
	if err != nil {
		return nil, err
	}
	picture, err := perfect(in.Text)
	if err != nil {
		return nil, err
	}
	since := e.Feed.Mark()
	e.phone.Show([][]byte{picture})
	defer e.phone.Hide()
	return e.verdict(ctx, since)
}

type plug struct {
	In bool `json:"in"`
}

// cable pulls or plugs a gate's cable and waits until the gate has noticed.
func (v *venue) cable(ctx context.Context, r *http.Request, in plug) (any, error) {
	e, err := v.at(r)
	if err != nil {
		return nil, err
	}
	since := e.Feed.Mark()
	mode := "alone"
	if in.In {
		e.Cable.Plug()
		mode = "central"
	} else {
		e.Cable.Pull()
	}
	return e.Feed.Await(ctx, since, func(s stage.Event) bool { return s.Event == "state" && s.Mode == mode })
}

type which struct {
	Seq uint64 `json:"seq"`
}

// passage waits until somebody has walked through.
func (v *venue) passage(ctx context.Context, r *http.Request, in which) (any, error) {
	e, err := v.at(r)
	if err != nil {
		return nil, err
	}
	return e.Feed.Await(ctx, 0, func(w stage.Event) bool { return w.Event == "passage" && w.Seq == in.Seq })
}

type power struct {
	On bool `json:"on"`
}

func (v *venue) switchCentral(ctx context.Context, _ *http.Request, in power) (any, error) {
	if in.On {
		return none{}, v.stage.StartCentral(v.ctx) //nolint:contextcheck // it outlives this step
	}
	return none{}, errors.Join(v.stage.StopCentral(), ctx.Err())
}

type cluster struct {
	RPC   []string `json:"rpc"`   // its nodes
	Lines []string `json:"lines"` // more of central's section "mint"
}

// payerHas is what central gets to pay with, in lamports: a SOL.
const payerHas = 1_000_000_000

// openMint has central make tokens on a cluster that gives money away. It is stopped
// and started again, so this comes before the gates.
//
//nolint:contextcheck // it outlives this step
func (v *venue) openMint(_ context.Context, _ *http.Request, in cluster) (any, error) {
	if len(in.RPC) == 0 {
		return nil, errors.New("rpc: name a node")
	}
	lines := fmt.Sprintf("rpc = [\"%s\"]\n%s\n", strings.Join(in.RPC, `", "`), strings.Join(in.Lines, "\n"))
	payer, err := v.stage.OpenMint(v.ctx, lines, func(ctx context.Context, payer string) error {
		var signature string
		return stage.Chain{URL: in.RPC[0]}.Call(ctx, &signature, "requestAirdrop", payer, payerHas)
	})
	return map[string]string{"payer": payer}, err
}

type certificate struct {
	Args []string `json:"args"` // of "registrar issue"
}

// certify has the registrar issue a credential.
func (v *venue) certify(ctx context.Context, _ *http.Request, in certificate) (any, error) {
	jwt, err := v.registrar.Issue(ctx, in.Args...)
	return map[string]string{"jwt": jwt}, err
}

type taken struct {
	ID   string `json:"id"`   // of the credential
	Gate string `json:"gate"` // that hears of it
}

// revoke has the registrar take a credential back that gave a right to a ticket,
// and waits until a gate has heard of it.
func (v *venue) revoke(ctx context.Context, _ *http.Request, in taken) (any, error) {
	e, err := v.entrance(in.Gate)
	if err != nil {
		return nil, err
	}
	state := func(s stage.Event) bool { return s.Event == "state" }
	known := e.Feed.Last(state)
	since := e.Feed.Mark()
	if err := v.registrar.Revoke(ctx, in.ID); err != nil {
		return nil, err
	}
	return e.Feed.Await(ctx, since, func(s stage.Event) bool { return state(s) && (s.Set > known.Set || s.Delta > known.Delta) })
}
