package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/surge"
	"github.com/con-ting/conting/central/work"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/private"
	"github.com/con-ting/conting/sync/ticket"
)

// The profiles of central surge.
const (
	profileQueue = "queue"
	profileSale  = "sale"
)

// People sign up before the sale profile begins: this often, unless central makes them wait, and no longer
// than this altogether.
const (
	signUpEvery  = 2 * time.Millisecond
	signUpWithin = 30 * time.Minute
)

// surgeFlags are those of central surge.
type surgeFlags struct {
	url, event, profile, ca string
	people, connections     int
	ramp, duration          time.Duration
	enters, again           int
	polls, cores            int
	interval                time.Duration
	seed                    uint64
	zone                    uint
	json, html, png, tokens string
	earnest                 bool
}

func (f *flags) takeSurge(s *flag.FlagSet) {
	g := &f.surge
	s.StringVar(&g.url, "url", "", "`ADDRESS` of the API (default the central that runs on the configuration's folder)")
	s.StringVar(&g.event, "event", "", "`ID` of the event; required")
	s.StringVar(&g.profile, "profile", profileQueue, "queue or sale: what the people do")
	s.StringVar(&g.ca, "ca", "", "PEM `FILE` of whom to trust for https (default the system's)")
	s.IntVar(&g.people, "people", 10_000, "how many come")
	s.DurationVar(&g.ramp, "ramp", 10*time.Second, "within which time they come")
	s.DurationVar(&g.duration, "duration", 0, "how long they go on asking, from the beginning (default a minute more than the ramp)")
	s.IntVar(&g.connections, "connections", surge.DefaultConnections, "how many to keep open")
	s.IntVar(&g.enters, "enters", 1, "how often everybody enters the queue")
	s.IntVar(&g.again, "again", 3, "one in how `MANY` enters once more than that, as people do who are nervous; 0 for nobody")
	s.IntVar(&g.polls, "polls", -1, "how often everybody asks for their place; negative for as long as it lasts")
	s.DurationVar(&g.interval, "interval", 0, "how long between two polls (default as the server says)")
	s.UintVar(&g.zone, "zone", 0, "the one `ZONE` in which the sale profile buys (default all)")
	s.Uint64Var(&g.seed, "seed", 1, "of the moments at which they come, and of the queue profile's accounts")
	s.IntVar(&g.cores, "cores", max(1, runtime.NumCPU()/2), "how many processors to use at most")
	s.StringVar(&g.json, "json", "", "write the result to `FILE`")
	s.StringVar(&g.html, "html", "", "write a report for a browser to `FILE`")
	s.StringVar(&g.png, "png", "", "write the charts to `FILE`")
	s.StringVar(&g.tokens, "tokens", "", "instead, write an access token for each of the people to `FILE`, for another load generator")
	s.BoolVar(&g.earnest, "in-earnest", false, "also where the sandbox is off, and real people may be waiting")
}

// surgeDetail is what central help surge adds.
const surgeDetail = `It makes the people's access tokens with keys/challenge.key, so that only whoever runs central can.
The queue's people have no accounts; the sale's register, with passkeys of their own, and pay with the
sandbox. Both leave behind what people leave behind: use an event that nobody wants to go to.
Latency counts from the moment at which a request was meant to be sent.

  central surge --event 1001 --people 100000 --ramp 10s --html surge.html
  central surge --event 1001 --people 2000 --profile sale --zone 3`

func runSurge(ctx context.Context, a *app, f *flags) error {
	g := &f.surge
	if err := f.Want(0, 0); err != nil {
		return err
	}
	event, err := ticket.ParseEventID(g.event)
	switch {
	case g.event == "":
		return f.Wrong("--event is missing")
	case err != nil:
		return f.Wrong("--event: %s", err)
	case g.profile != profileQueue && g.profile != profileSale:
		return f.Wrong("--profile: %q, want queue or sale", g.profile)
	case g.people < 1 || g.people > surge.MaxPeople:
		return f.Wrong("--people: %d, want 1 to %d", g.people, surge.MaxPeople)
	case g.cores < 1:
		return f.Wrong("--cores: %d, want 1 or more", g.cores)
	case g.zone > math.MaxUint16:
		return f.Wrong("--zone: %d is no zone", g.zone)
	case g.enters < 1 || g.again < 0:
		return f.Wrong("--enters: %d and --again: %d, want 1 and 0 or more", g.enters, g.again)
	}
	cfg, err := loadConfig(f.config)
	if err != nil {
		return err
	}
	if !cfg.Sale.Sandbox && (!g.earnest || g.profile == profileSale) {
		return hint.Errorf("surge a central of its own, made by `central init`; the queue profile runs here with --in-earnest", "the sandbox is off: this central may be selling to people")
	}
	d := folder(cfg.DataDir)
	challenge, err := d.challengeKey()
	if err != nil {
		return err
	}
	access, err := account.NewAccess(challenge, a.now)
	if err != nil {
		return err
	}
	if g.tokens != "" {
		return writeTokens(g, access)
	}
	if g.url == "" {
		ad, err := d.addresses()
		if err != nil {
			return err
		}
		g.url = ad.API
	}
	if g.duration == 0 {
		g.duration = g.ramp + time.Minute
	}
	runtime.GOMAXPROCS(g.cores)
	return a.surge(ctx, g, event, access)
}

// surge runs one profile, shows how far it is, and writes what came of it.
func (a *app) surge(ctx context.Context, g *surgeFlags, event ticket.EventID, access *account.Access) error {
	cfg := surge.Config{
		URL: g.url, People: g.people, Ramp: g.ramp, Seed: g.seed, Duration: g.duration, Connections: g.connections, Now: a.now,
	}
	var err error
	if cfg.TLS, err = trusting(g.ca); err != nil {
		return err
	}
	show := newProgress(a.err)
	cfg.Observe = show.observe
	crowd, err := g.crowd(ctx, cfg, event, access)
	show.end()
	if err != nil {
		return err
	}
	res, err := surge.Run(ctx, cfg, crowd)
	show.end()
	if res == nil {
		return err
	}
	res.Profile, res.Event = g.profile, event.String()
	for _, out := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{g.json, func(w io.Writer) error { return json.NewEncoder(w).Encode(res) }},
		{g.html, res.HTML},
		{g.png, res.PNG},
	} {
		if out.name != "" {
			err = errors.Join(err, writeFile(out.name, out.write))
		}
	}
	return errors.Join(err, summarise(a.out, res))
}

// crowd makes the people. Those of a sale sign up before it begins.
func (g *surgeFlags) crowd(ctx context.Context, cfg surge.Config, event ticket.EventID, access *account.Access) (surge.Crowd, error) {
	client := &http.Client{Timeout: adminTimeout, Transport: &http.Transport{TLSClientConfig: cfg.TLS}}
	defer client.CloseIdleConnections()
	if g.profile == profileQueue {
		prove, err := proving(ctx, client, g.url, event, cfg.Now)
		if err != nil {
			return nil, err
		}
		return surge.NewQueue(surge.QueueConfig{
			URL: g.url, Event: event, People: g.people, Seed: g.seed, Access: access.Mint, Work: prove,
			Enters: g.enters, Again: g.again, Polls: g.polls, Interval: g.interval,
		})
	}
	sale, err := surge.OpenSale(ctx, surge.SaleConfig{
		URL: g.url, Event: event, People: g.people, Seed: g.seed, Zone: uint16(g.zone), Access: access.Mint, Client: client, //nolint:gosec // checked
	})
	if err != nil {
		return nil, err
	}
	cfg.Ramp, cfg.Duration = time.Duration(g.people)*signUpEvery, signUpWithin
	if _, err := surge.Run(ctx, cfg, sale.SignUp()); err != nil {
		return nil, err
	}
	switch n, err := sale.SignedUp(); {
	case err != nil:
		return nil, hint.Errorf("import an event without relying_party: it gets central's own", "%w", err)
	case n < g.people:
		return nil, hint.Errorf("see central's log, or come with fewer --people", "%d of %d people could sign up", n, g.people)
	}
	return sale, nil
}

// proving asks which proof of work the event's waiting room wants of everybody, and returns who makes it;
// nil if none is due. An event without a waiting room is an error.
func proving(ctx context.Context, client *http.Client, url string, event ticket.EventID, now func() time.Time) (func(account string) (string, error), error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(url, "/")+"/v1/events/"+event.String()+"/queue/info", nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, hint.Errorf("is central running? see its log", "%w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	var info struct {
		Work *struct {
			Bits    int    `json:"bits"`
			Purpose string `json:"purpose"`
		} `json:"work"`
	}
	if resp.StatusCode != http.StatusOK {
		return nil, hint.Errorf("open one: PUT /admin/v1/events/"+event.String()+"/queue", "event %s has no waiting room: central answered %s", event, resp.Status)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&info); err != nil {
		return nil, fmt.Errorf("the waiting room: %w", err)
	}
	if info.Work == nil || info.Work.Bits <= 0 {
		return nil, nil
	}
	return func(account string) (string, error) {
		return work.Solve(ctx, info.Work.Purpose, account, info.Work.Bits, now())
	}, nil
}

// summarise prints the figures that matter.
func summarise(w io.Writer, res *surge.Result) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d people, %d requests in %.1f s, %d errors, %d unsent\n", res.People, res.Requests, res.Took, res.Errors, res.Unsent)
	for _, s := range res.Steps {
		if s.Requests > 0 {
			fmt.Fprintf(&b, "%s: %d, %d errors, ms p50=%.1f p95=%.1f p99=%.1f max=%.1f\n", s.Name, s.Requests, s.Errors, s.P50, s.P95, s.P99, s.Max)
		}
	}
	for _, counted := range []map[string]int64{res.Counts, res.Failures} {
		for _, name := range sortedKeys(counted) {
			fmt.Fprintf(&b, "%s=%d\n", name, counted[name])
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeTokens writes access tokens as a JSON array, for their lifetime.
func writeTokens(g *surgeFlags, access *account.Access) error {
	tokens := make([]string, g.people)
	for i := range tokens {
		tokens[i], _ = access.Mint(surge.Account(g.seed, i))
	}
	text, err := json.Marshal(tokens)
	if err != nil {
		return err
	}
	return private.Replace(g.tokens, text)
}

// trusting is the TLS configuration that trusts a file's certificates; nil without one.
func trusting(file string) (*tls.Config, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file) //nolint:gosec // the file that the caller named
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", file)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644) //nolint:gosec // a report is for others to read
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
