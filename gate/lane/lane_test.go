package lane_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/con-ting/conting/gate/admit"
	"github.com/con-ting/conting/gate/clock"
	"github.com/con-ting/conting/gate/lane"
	"github.com/con-ting/conting/gate/proof"
	"github.com/con-ting/conting/gate/turnstile"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
	"github.com/con-ting/conting/testdata/wallet"
)

var party = ticket.RelyingParty{ID: "tickets.example", Origin: "https://tickets.example"}

// ledger is a disk in memory that can be slow or broken. It keeps the promises of
// lane.Registry and lane.Ledger.
type ledger struct {
	mu       sync.Mutex
	tickets  map[ticket.ID]ticket.Ticket
	status   map[ticket.ID]ticket.Status
	claims   map[ticket.ID]uint64 // the sequence number of who holds the ticket
	owner    map[uint64]ticket.ID
	entries  []journal.Entry
	carried  []ticket.Ticket
	writes   []string // in the order in which they became durable
	lookupEr error
	claimErr error
	recordEr error
	settleEr error         // until it is cleared
	hold     chan struct{} // if not nil, Settle waits for it to close
	stuck    chan struct{} // if not nil, Record waits for it to close, whatever its context
	panics   bool
	tries    int
}

func newLedger() *ledger {
	return &ledger{
		tickets: map[ticket.ID]ticket.Ticket{}, status: map[ticket.ID]ticket.Status{},
		claims: map[ticket.ID]uint64{}, owner: map[uint64]ticket.ID{},
	}
}

func (l *ledger) Lookup(_ context.Context, _ ticket.EventID, id ticket.ID) (lane.Known, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.panics {
		panic("lookup")
	}
	if l.lookupEr != nil {
		return lane.Known{}, l.lookupEr
	}
	k := lane.Known{Status: l.status[id]}
	if t, ok := l.tickets[id]; ok {
		k.Ticket = &t
	}
	if seq, ok := l.claims[id]; ok {
		k.Entries, k.Uses = 1, []admit.Use{{Where: "here", At: time.Unix(int64(seq), 0)}}
	}
	return k, nil
}

func (l *ledger) put(e journal.Entry) uint64 {
	e.Seq = uint64(len(l.entries)) + 1
	l.entries = append(l.entries, e)
	l.writes = append(l.writes, fmt.Sprintf("%s %s %s", e.Kind, e.Outcome, e.Reason))
	return e.Seq
}

func (l *ledger) Claim(_ context.Context, c lane.Claim) (lane.Claimed, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.claimErr != nil {
		return lane.Claimed{}, l.claimErr
	}
	id := c.Entry.Ticket
	lose := func(r ticket.Reason) (lane.Claimed, error) {
		c.Entry.Outcome, c.Entry.Reason = ticket.Refuse, r
		return lane.Claimed{Seq: l.put(c.Entry), Reason: r, Holder: admit.Use{Where: "elsewhere"}}, nil
	}
	if l.status[id] == ticket.StatusRefunded {
		return lose(ticket.Refunded)
	}
	if _, taken := l.claims[id]; taken && !c.Unlimited {
		return lose(ticket.AlreadyAdmitted)
	}
	seq := l.put(c.Entry)
	l.claims[id], l.owner[seq] = seq, id
	if c.Carried != nil {
		l.carried = append(l.carried, *c.Carried)
	}
	return lane.Claimed{Seq: seq, Won: true}, nil
}

func (l *ledger) Record(_ context.Context, e journal.Entry) (uint64, error) {
	l.mu.Lock()
	stuck := l.stuck
	l.mu.Unlock()
	if stuck != nil {
		<-stuck
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.recordEr != nil {
		return 0, l.recordEr
	}
	return l.put(e), nil
}

func (l *ledger) Settle(ctx context.Context, seq uint64, kind journal.Kind, reason ticket.Reason) error {
	l.mu.Lock()
	hold := l.hold
	l.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tries++
	if l.settleEr != nil {
		return l.settleEr
	}
	l.writes = append(l.writes, fmt.Sprintf("%s %d %s", kind, seq, reason))
	if kind == journal.Released {
		delete(l.claims, l.owner[seq])
	}
	return nil
}

func (l *ledger) set(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

func (l *ledger) wrote() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.writes)
}

// gate is a turnstile that notes whether the claim was on the disk when it opened.
type gate struct {
	*turnstile.Software
	ledger *ledger
	err    error
	early  []uint64
}

func (g *gate) Grant(ctx context.Context, gr turnstile.Grant) error {
	g.ledger.mu.Lock()
	if _, ok := g.ledger.owner[gr.ID]; !ok {
		g.early = append(g.early, gr.ID)
	}
	err := g.err
	g.ledger.mu.Unlock()
	if err != nil {
		return err
	}
	return g.Software.Grant(ctx, gr)
}

type watcher struct {
	mu      sync.Mutex
	results []lane.Result
	settled []lane.Settlement
	looks   []lane.Look
}

func (w *watcher) Looked(l lane.Look) { w.mu.Lock(); w.looks = append(w.looks, l); w.mu.Unlock() }

func (w *watcher) Decided(r lane.Result) {
	w.mu.Lock()
	w.results = append(w.results, r)
	w.mu.Unlock()
}

func (w *watcher) Settled(s lane.Settlement) {
	w.mu.Lock()
	w.settled = append(w.settled, s)
	w.mu.Unlock()
}

func (w *watcher) said() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, r := range w.results {
		out = append(out, fmt.Sprintf("%s %s", r.Verdict.Outcome, r.Verdict.Reason))
	}
	return out
}

type systemClock struct{ unsure time.Duration }

func (c systemClock) Read() clock.Reading {
	return clock.Reading{Now: time.Now(), Uncertainty: c.unsure, Source: clock.SourceKernel}
}

// rig is a whole lane on fakes, inside a synctest bubble.
type rig struct {
	*testing.T
	*lane.Lane
	judge   *lane.Judge
	ledger  *ledger
	gate    *gate
	watcher *watcher
	book    *proof.Book
	issuer  trust.Signer
	alice   *wallet.Wallet
	event   *ticket.Event
	mode    admit.Mode
	frames  chan lane.Frame
	stop    context.CancelFunc
	stopped chan struct{}
}

type option func(*lane.Config, *turnstile.Config)

func withCamera(r *rig, d lane.Decoder) option {
	return func(c *lane.Config, _ *turnstile.Config) {
		r.frames = make(chan lane.Frame)
		c.Camera, c.Decoder = r, d
	}
}

// Next makes the rig a camera.
func (r *rig) Next(ctx context.Context) (lane.Frame, error) {
	select {
	case f := <-r.frames:
		if f.Gray == nil {
			return f, errors.New("cable out")
		}
		return f, nil
	case <-ctx.Done():
		return lane.Frame{}, ctx.Err()
	}
}

func newRig(t *testing.T, options ...func(*rig) option) *rig {
	t.Helper()
	r := &rig{T: t, ledger: newLedger(), watcher: &watcher{}, mode: admit.ModeCentral, stopped: make(chan struct{})}
	now := time.Now()
	seed := sha256.Sum256([]byte("issuer"))
	r.issuer = must(trust.NewSigner(ed25519.NewKeyFromSeed(seed[:])))
	ring := must(trust.NewKeyring(&trust.List{
		Version: 1, Issued: now.Unix() - 60, Expires: now.Unix() + 86400,
		Keys: []trust.Key{{Role: trust.RoleEvent, Public: r.issuer.Public(), NotBefore: now.Unix() - 60, NotAfter: now.Unix() + 86400}},
	}))
	r.alice = must(wallet.New(party, []byte("alice")))
	r.event = &ticket.Event{
		ID: 7, Name: "Show", Venue: "Hall", Doors: now.Unix() - 3600, Starts: now.Unix(), Ends: now.Unix() + 3600,
		Zones:        []ticket.Zone{{ID: 1, Name: "Floor"}, {ID: 2, Name: "Box"}},
		Classes:      []ticket.Class{{ID: 1, Name: "Plain", Paper: true}},
		Gates:        []ticket.Gate{{Name: "north", Zones: []uint16{1}}},
		RelyingParty: party,
	}
	r.book = must(proof.NewBook(t.Context(), proof.BookConfig{Gate: "gate-1", Rand: zeros{}, Now: time.Now}))
	checker := must(proof.New(t.Context(), proof.Config{Keyring: func() *trust.Keyring { return ring }, Book: r.book}))
	r.judge = must(lane.NewJudge(t.Context(), lane.JudgeConfig{
		Gate: "north", Registry: r.ledger, Prover: checker,
		Situation: func() lane.Situation { return lane.Situation{Event: r.event, Mode: r.mode} },
	}))
	r.gate = &gate{ledger: r.ledger}
	cfg := lane.Config{
		Name: "north-1", Judge: r.judge, Ledger: r.ledger, Turnstile: r.gate, Clock: systemClock{10 * time.Millisecond},
		Observers: []lane.Observer{r.watcher}, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	}
	motor := turnstile.Config{Now: time.Now}
	for _, o := range options {
		o(r)(&cfg, &motor)
	}
	r.gate.Software = must(turnstile.New(t.Context(), motor))
	r.Lane = must(lane.New(t.Context(), cfg))
	ctx, stop := context.WithCancel(t.Context())
	r.stop = stop
	go func() {
		defer close(r.stopped)
		if err := r.Lane.Run(ctx); err != nil {
			t.Errorf("Run() = %v", err)
		}
	}()
	t.Cleanup(func() {
		stop()
		<-r.stopped
		_ = r.gate.Close()
		if len(r.gate.early) > 0 {
			t.Errorf("the lane opened for %v before the claim was on the disk", r.gate.early)
		}
	})
	return r
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// must is for what can only fail if the test itself is wrong.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var errDisk = errors.New("disk full")

// sell puts a ticket of alice's into the set.
func (r *rig) sell(n byte) ticket.Ticket {
	t := ticket.Ticket{ID: ticket.ID{n}, Event: 7, Zone: 1, Class: 1, Seat: fmt.Sprintf("A-%d", n), Version: 1, Holder: r.alice.HolderKey()}
	r.ledger.set(func() { r.ledger.tickets[t.ID] = t })
	return t
}

// code is what alice's phone shows for the ticket at this moment.
func (r *rig) code(t ticket.Ticket) string {
	s := must(r.alice.Rotating(t.ID, time.Now()))
	return must(s.Text(time.Now(), nil))
}

func (r *rig) scan(text string) lane.Result {
	r.Helper()
	result, err := r.Scan(r.Context(), text)
	if err != nil {
		r.Fatalf("Scan(%.12s…) = %v", text, err)
	}
	return result
}

// expect scans and compares the verdict.
func (r *rig) expect(text string, outcome ticket.Outcome, reason ticket.Reason) lane.Result {
	r.Helper()
	got := r.scan(text)
	if got.Verdict.Outcome != outcome || got.Verdict.Reason != reason {
		r.Fatalf("Scan(%.12s…) = %s %s, want %s %s", text, got.Verdict.Outcome, got.Verdict.Reason, outcome, reason)
	}
	return got
}

func (r *rig) wrote(want ...string) {
	r.Helper()
	if got := r.ledger.wrote(); !slices.Equal(got, want) {
		r.Errorf("the disk holds\n %q, want\n %q", got, want)
	}
}

func TestAdmission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		got := r.expect(r.code(r.sell(1)), ticket.Admit, ticket.OK)
		if got.Zone != "Floor" || got.Seat != "A-1" || got.Class != "Plain" || !got.Proven || got.Form != pass.Rotating || got.Seq != 1 {
			t.Errorf("result %+v", got)
		}
		r.gate.Push()
		synctest.Wait()
		r.wrote("decision admit ok", "passed 1 ")
		if n := len(r.watcher.settled); n != 1 || r.watcher.settled[0].Cause != turnstile.Passed {
			t.Errorf("observers heard of %+v", r.watcher.settled)
		}
	})
}

// The entry is what central will merge: every field must be there.
func TestJournalEntry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.mode = admit.ModeAlone
		sold := r.sell(1)
		text := r.code(sold)
		r.expect(text, ticket.Admit, ticket.OK)
		want := journal.Entry{
			Seq: 1, Kind: journal.Decision, Uncertainty: 10, Event: 7, Lane: "north-1", Ticket: sold.ID, Outcome: ticket.Admit,
			Reason: ticket.OK, Mode: journal.Alone, Evidence: sha256.Sum256([]byte(text)),
		}
		if got := r.ledger.entries[0]; got != want {
			t.Errorf("entry %+v, want %+v", got, want)
		}
		r.gate.Push()
	})
}

func TestHowItEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		do    func(*rig)
		wrote string
		again ticket.Reason // what the same holder hears afterwards
	}{
		"passed":      {func(r *rig) { r.gate.Push() }, "passed 1 ", ticket.AlreadyAdmitted},
		"turned back": {func(r *rig) { r.gate.TurnBack() }, "released 1 ", ticket.OK},
		"nobody came": {func(*rig) { time.Sleep(turnstile.DefaultTimeout) }, "released 1 ", ticket.OK},
		"jam":         {func(r *rig) { _ = r.gate.Inject(turnstile.Jam) }, "flagged 1 lane_fault", ticket.AlreadyAdmitted},
		"link lost":   {func(r *rig) { _ = r.gate.Inject(turnstile.Fault) }, "flagged 1 lane_fault", ticket.AlreadyAdmitted},
		"fire":        {func(r *rig) { _ = r.gate.Inject(turnstile.Free) }, "flagged 1 lane_fault", ticket.AlreadyAdmitted},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				sold := r.sell(1)
				r.expect(r.code(sold), ticket.Admit, ticket.OK)
				tc.do(r)
				synctest.Wait()
				r.wrote("decision admit ok", tc.wrote)
				_ = r.gate.Inject(turnstile.Ready)
				time.Sleep(4 * time.Second) // the phone is put away, and shown again
				got := r.scan(r.code(sold))
				if got.Verdict.Reason != tc.again {
					t.Errorf("then %s, want %s", got.Verdict.Reason, tc.again)
				}
			})
		})
	}
}

// Whoever holds the phone up while walking in must not be told that they are in
// already; whoever shows the same ticket later must.
func TestPhoneStillShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		sold := r.sell(1)
		session := must(r.alice.Rotating(sold.ID, time.Now()))
		show := func() lane.Result { return r.scan(must(session.Text(time.Now(), nil))) }
		first := show()
		for range 4 {
			time.Sleep(time.Second) // the code changes after four seconds
			if again := show(); !again.Repeat || again.Seq != first.Seq {
				t.Fatalf("while walking in: %+v, want the first result again", again)
			}
		}
		r.gate.Push()
		time.Sleep(2 * time.Second)
		if again := show(); !again.Repeat {
			t.Errorf("just through: %+v, want the first result again", again)
		}
		time.Sleep(2 * time.Second)
		if again := show(); again.Verdict.Reason != ticket.AlreadyAdmitted {
			t.Errorf("four seconds later: %+v, want already_admitted", again.Verdict)
		}
		if got, want := r.watcher.said(), []string{"admit ok", "refuse already_admitted"}; !slices.Equal(got, want) {
			t.Errorf("the screen said %q, want %q", got, want)
		}
	})
}

func TestSameCodeIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		poster := "https://example.com/menu"
		for range 50 {
			r.scan(poster)
			time.Sleep(time.Second)
		}
		if got, want := r.watcher.said(), []string{"refuse malformed"}; !slices.Equal(got, want) {
			t.Errorf("a poster in sight for 50 s: %q, want %q", got, want)
		}
		time.Sleep(3 * time.Second)
		r.scan(poster)
		if got := len(r.watcher.said()); got != 2 {
			t.Errorf("shown again after a pause: told %d times, want 2", got)
		}
		// A pass that stays in sight is asked about again: the doors may have opened.
		early := r.sell(1)
		r.event.Doors = time.Now().Unix() + 8
		session := must(r.alice.Rotating(early.ID, time.Now()))
		text := must(session.Text(time.Now(), nil))
		r.expect(text, ticket.Refuse, ticket.TooEarly)
		for range 10 {
			time.Sleep(time.Second)
			text = must(session.Text(time.Now(), nil))
			if r.scan(text).Verdict.Outcome == ticket.Admit {
				return
			}
		}
		t.Error("nobody was let in when the doors opened")
	})
}

// Every code that is not a good one gives a verdict, and the lane goes on.
func TestBadCodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		sold := r.sell(1)
		good := r.code(sold)
		long := make([]byte, 5000)
		for i := range long {
			long[i] = 'A'
		}
		refunded, vip := r.sell(2), r.sell(3)
		r.ledger.set(func() {
			r.ledger.status[refunded.ID] = ticket.StatusRefunded
			vip.Zone = 2
			r.ledger.tickets[vip.ID] = vip
		})
		other := ticket.Ticket{ID: ticket.ID{9}, Event: 8, Zone: 1, Class: 1, Version: 1}
		forger := must(trust.NewSigner(ed25519.NewKeyFromSeed(make([]byte, 32))))
		for name, tc := range map[string]struct {
			text   string
			reason ticket.Reason
		}{
			"empty":        {"", ticket.Malformed},
			"foreign":      {"https://example.com", ticket.Malformed},
			"binary":       {"\x00\xff\xfe", ticket.Malformed},
			"oversized":    {"CTR1" + string(long), ticket.Malformed},
			"truncated":    {good[:len(good)-3], ticket.Malformed},
			"newer":        {"CTR9" + good[4:], ticket.Malformed},
			"nonce":        {must(r.book.Current()).Text(), ticket.Malformed},
			"unknown":      {r.code(ticket.Ticket{ID: ticket.ID{77}}), ticket.UnknownTicket},
			"refunded":     {r.code(refunded), ticket.Refunded},
			"wrong zone":   {r.code(vip), ticket.WrongZone},
			"other event":  {pass.PaperText(must(pass.SignTicket(r.issuer, other))), ticket.WrongEvent},
			"forged paper": {pass.PaperText(must(pass.SignTicket(forger, ticket.Ticket{ID: ticket.ID{8}, Event: 7, Zone: 1, Class: 1, Version: 1}))), ticket.BadSignature},
		} {
			got := r.scan(tc.text)
			if got.Verdict.Outcome != ticket.Refuse || got.Verdict.Reason != tc.reason {
				t.Errorf("%s: %s %s, want refuse %s", name, got.Verdict.Outcome, got.Verdict.Reason, tc.reason)
			}
			if got.Seq == 0 {
				t.Errorf("%s: the refusal is not in the journal", name)
			}
			if !got.Proven && (got.Zone != "" || got.Seat != "") {
				t.Errorf("%s: tells %q %q of a ticket that was not proven", name, got.Zone, got.Seat)
			}
		}
		r.expect(good, ticket.Admit, ticket.OK)
		r.gate.Push()
	})
}

func TestStorageFaults(t *testing.T) {
	for name, tc := range map[string]struct {
		fail   func(*ledger)
		reason ticket.Reason
	}{
		"look-up fails": {func(l *ledger) { l.lookupEr = errDisk }, ticket.StorageFault},
		"claim fails":   {func(l *ledger) { l.claimErr = errDisk }, ticket.StorageFault},
		"panic":         {func(l *ledger) { l.panics = true }, ticket.ReferToStaff},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				sold := r.sell(1)
				r.ledger.set(func() { tc.fail(r.ledger) })
				got := r.scan(r.code(sold))
				if got.Verdict.Outcome == ticket.Admit || got.Verdict.Reason != tc.reason {
					t.Errorf("%s %s, want %s", got.Verdict.Outcome, got.Verdict.Reason, tc.reason)
				}
				synctest.Wait()
				if id := r.gate.Push(); id != 0 {
					t.Errorf("the lane stood open for %d", id)
				}
				if name == "look-up fails" { // what cannot be read may still be written
					r.wrote("decision refuse storage_fault")
					if e := r.ledger.entries[0]; e.Ticket != sold.ID || e.Event != 7 || e.Evidence == [32]byte{} || got.Seq != 1 {
						t.Errorf("entry %+v, result %+v", e, got)
					}
				} else {
					r.wrote()
				}
				// The disk is well again, and so is the lane.
				r.ledger.set(func() { r.ledger.lookupEr, r.ledger.claimErr, r.ledger.panics = nil, nil, false })
				time.Sleep(5 * time.Second)
				r.expect(r.code(sold), ticket.Admit, ticket.OK)
				r.gate.Push()
			})
		})
	}
}

// Codes that are not ours cannot fill the disk; what carries our prefix is
// journaled, and everything is shown.
func TestForeignCodesDoNotFillTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		const shown = 200
		for round := range 2 {
			for n := range shown {
				r.expect(fmt.Sprintf("https://example.com/%d/%d", round, n), ticket.Refuse, ticket.Malformed)
			}
			if got, want := len(r.ledger.wrote()), 30*(round+1); got != want {
				t.Errorf("round %d: %d entries for %d foreign codes, want %d", round, got, shown, want)
			}
			time.Sleep(time.Minute)
		}
		for n := range shown {
			if got := r.expect(fmt.Sprintf("CTR1%d", n), ticket.Refuse, ticket.Malformed); got.Seq == 0 {
				t.Fatalf("broken pass %d is not in the journal", n)
			}
		}
		if got := len(r.watcher.said()); got != 3*shown {
			t.Errorf("the screen said %d things, want %d", got, 3*shown)
		}
	})
}

// A settlement that the disk never takes does not leave the ticket unanswered.
func TestTicketOfALostSettlementIsAnswered(t *testing.T) {
	for name, err := range map[string]error{"for ever": errDisk, "final": fmt.Errorf("no such seq: %w", lane.ErrFinal)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				sold := r.sell(1)
				r.ledger.set(func() { r.ledger.settleEr = err })
				r.expect(r.code(sold), ticket.Admit, ticket.OK)
				r.gate.Push()
				time.Sleep(4 * time.Second)
				r.expect(r.code(sold), ticket.Refuse, ticket.AlreadyAdmitted)
			})
		})
	}
}

// The heartbeat stops when a decision or the search of a frame does, and not
// while there is simply nothing to do.
func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		r := newRig(t, func(r *rig) option { return withCamera(r, slow{stuck}) })
		beats := func(what string, want bool) {
			t.Helper()
			synctest.Wait()
			if age := time.Since(r.Heartbeat()); (age <= 2*time.Second) != want {
				t.Errorf("%s: the last beat was %s ago", what, age)
			}
		}
		time.Sleep(time.Minute)
		beats("idle", true)
		r.frames <- lane.Frame{Gray: image.NewGray(image.Rect(0, 0, 1, 1)), At: time.Now()}
		time.Sleep(10 * time.Second)
		beats("the decoder hangs", false)
		close(stuck)
		time.Sleep(2 * time.Second)
		beats("the decoder goes on", true)

		hangs := make(chan struct{}) // a disk that does not answer, whatever its deadline
		r.ledger.set(func() { r.ledger.stuck = hangs })
		done := make(chan struct{})
		go func() { defer close(done); _, _ = r.Scan(t.Context(), "CTR1") }()
		time.Sleep(10 * time.Second)
		beats("the disk hangs", false)
		close(hangs)
		<-done
		time.Sleep(2 * time.Second)
		beats("the disk goes on", true)
	})
}

// slow is a decoder that hangs.
type slow struct{ until chan struct{} }

func (s slow) Decode(*image.Gray) ([]string, error) { <-s.until; return nil, nil }

// A refusal that cannot be written is a refusal all the same.
func TestRefusalWithoutDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.ledger.set(func() { r.ledger.recordEr = errDisk })
		if got := r.expect("no pass", ticket.Refuse, ticket.Malformed); got.Seq != 0 {
			t.Errorf("result %+v claims to be in the journal", got)
		}
	})
}

func TestTurnstileFaults(t *testing.T) {
	for name, tc := range map[string]struct {
		err     error
		outcome ticket.Outcome
		wrote   string
	}{
		"does not open": {turnstile.ErrFault, ticket.Refuse, "released 1 lane_fault"},
		"busy":          {turnstile.ErrBusy, ticket.Refuse, "released 1 lane_fault"},
		"unknown error": {errors.New("serial line"), ticket.Refuse, "released 1 lane_fault"},
		"in doubt":      {fmt.Errorf("timeout: %w", turnstile.ErrInDoubt), ticket.Refer, "flagged 1 lane_fault"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.gate.err = tc.err
				r.expect(r.code(r.sell(1)), tc.outcome, ticket.LaneFault)
				synctest.Wait()
				r.wrote("decision admit ok", tc.wrote)
			})
		})
	}
}

// The set may change between the look-up and the claim.
func TestClaimLost(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*ledger, ticket.ID)
		want   ticket.Reason
	}{
		"taken at another lane": {func(l *ledger, id ticket.ID) { l.claims[id] = 99 }, ticket.AlreadyAdmitted},
		"refunded":              {func(l *ledger, id ticket.ID) { l.status[id] = ticket.StatusRefunded }, ticket.Refunded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				sold := r.sell(1)
				racing := &racer{ledger: r.ledger, then: func() { tc.change(r.ledger, sold.ID) }}
				r.judge = must(lane.NewJudge(t.Context(), lane.JudgeConfig{
					Gate: "north", Registry: racing, Prover: must(proof.New(t.Context(), proof.Config{})),
					Situation: func() lane.Situation { return lane.Situation{Event: r.event, Mode: r.mode} },
				}))
				other := must(lane.New(t.Context(), lane.Config{
					Name: "north-2", Judge: r.judge, Ledger: r.ledger, Turnstile: r.gate, Clock: systemClock{},
					Logger: slog.New(slog.DiscardHandler), Now: time.Now,
				}))
				ctx, stop := context.WithCancel(t.Context())
				done := make(chan struct{})
				go func() { defer close(done); _ = other.Run(ctx) }()
				got, err := other.Scan(t.Context(), r.code(sold))
				if err != nil || got.Verdict.Outcome != ticket.Refuse || got.Verdict.Reason != tc.want || got.Verdict.Detail.Rule != "claim" {
					t.Errorf("%+v, %v; want refuse %s by the claim", got.Verdict, err, tc.want)
				}
				stop()
				<-done
			})
		})
	}
}

// racer lets the world change right after the look-up.
type racer struct {
	*ledger
	then func()
}

func (r *racer) Lookup(ctx context.Context, e ticket.EventID, id ticket.ID) (lane.Known, error) {
	k, err := r.ledger.Lookup(ctx, e, id)
	r.set(r.then)
	return k, err
}

// A slow settlement of one person must not hold up the next.
func TestNextPersonIsNotHeldUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		hold := make(chan struct{})
		r.ledger.set(func() { r.ledger.hold = hold })
		first, second := r.sell(1), r.sell(2)
		r.expect(r.code(first), ticket.Admit, ticket.OK)
		r.gate.Push()
		synctest.Wait()
		start := time.Now()
		r.expect(r.code(second), ticket.Admit, ticket.OK)
		if took := time.Since(start); took != 0 {
			t.Errorf("the second person waited %s for the first one's settlement", took)
		}
		r.gate.Push()
		synctest.Wait()
		close(hold)
		r.ledger.set(func() { r.ledger.hold = nil })
		time.Sleep(10 * time.Second)
		r.wrote("decision admit ok", "decision admit ok", "passed 1 ", "passed 2 ")
	})
}

func TestSettlementIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.ledger.set(func() { r.ledger.settleEr = errDisk })
		r.expect(r.code(r.sell(1)), ticket.Admit, ticket.OK)
		r.gate.Push()
		time.Sleep(30 * time.Second)
		r.wrote("decision admit ok")
		r.ledger.set(func() { r.ledger.settleEr = nil })
		time.Sleep(10 * time.Second)
		r.wrote("decision admit ok", "passed 1 ")

		r.ledger.set(func() { r.ledger.settleEr, r.ledger.tries = fmt.Errorf("no such seq: %w", lane.ErrFinal), 0 })
		r.expect(r.code(r.sell(2)), ticket.Admit, ticket.OK)
		r.gate.Push()
		time.Sleep(time.Minute)
		r.ledger.set(func() {
			if r.ledger.tries != 1 {
				t.Errorf("what can never be settled was tried %d times", r.ledger.tries)
			}
		})
	})
}

func TestNoMoreThanTwoOnTheirWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.expect(r.code(r.sell(1)), ticket.Admit, ticket.OK)
		r.expect(r.code(r.sell(2)), ticket.Admit, ticket.OK)
		third := r.code(r.sell(3))
		if _, err := r.Scan(t.Context(), third); !errors.Is(err, lane.ErrBusy) {
			t.Errorf("third Scan = %v, want %v", err, lane.ErrBusy)
		}
		r.gate.Push()
		synctest.Wait()
		r.expect(third, ticket.Admit, ticket.OK)
		r.gate.Push()
		r.gate.Push()
		synctest.Wait()
		r.wrote("decision admit ok", "decision admit ok", "passed 1 ", "decision admit ok", "passed 2 ", "passed 3 ")
	})
}

// mute is a turnstile that takes grants and never says anything.
type mute struct{ events chan turnstile.Event }

func (m mute) Grant(context.Context, turnstile.Grant) error { return nil }
func (m mute) Events() <-chan turnstile.Event               { return m.events }

func TestTurnstileFallsSilent(t *testing.T) {
	for name, gone := range map[string]bool{"silent": false, "gone": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := mute{make(chan turnstile.Event)}
				r := newRig(t, func(*rig) option {
					return func(c *lane.Config, _ *turnstile.Config) { c.Turnstile = m }
				})
				r.expect(r.code(r.sell(1)), ticket.Admit, ticket.OK)
				if gone {
					close(m.events)
				}
				time.Sleep(12 * time.Second)
				r.wrote("decision admit ok", "flagged 1 lane_fault")
			})
		})
	}
}

// Who is on the way through when the gate stops is flagged, not forgotten.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.expect(r.code(r.sell(1)), ticket.Admit, ticket.OK)
		r.stop()
		<-r.stopped
		r.wrote("decision admit ok", "flagged 1 lane_fault")
		if _, err := r.Scan(t.Context(), "x"); !errors.Is(err, context.Canceled) {
			t.Errorf("Scan after the stop = %v", err)
		}
	})
}

// words finds in a frame the texts that its width stands for.
type words struct {
	texts  [][]string
	panics int
}

func (w words) Decode(g *image.Gray) ([]string, error) {
	n := g.Bounds().Dx()
	if n == w.panics {
		panic("decoder")
	}
	if n >= len(w.texts) {
		return nil, errors.New("unreadable")
	}
	return w.texts[n], nil
}

func TestCamera(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := words{texts: make([][]string, 5), panics: 50}
		r := newRig(t, func(r *rig) option { return withCamera(r, seen) })
		sold := r.sell(1)
		nonce := must(r.book.Current()).Text()
		seen.texts[1] = []string{"https://poster.example", r.code(sold), nonce} // beside other codes
		seen.texts[2] = []string{nonce}                                         // the lane's own screen in a window
		seen.texts[3] = []string{"https://poster.example"}
		frame := func(width int) {
			r.frames <- lane.Frame{Gray: image.NewGray(image.Rect(0, 0, width, 1)), At: time.Now()}
			synctest.Wait()
		}
		r.frames <- lane.Frame{} // an error of the camera
		frame(0)
		frame(2)
		frame(50)
		frame(99)
		if said := r.watcher.said(); len(said) != 0 {
			t.Errorf("the screen said %q of frames without a pass", said)
		}
		frame(1)
		frame(1)
		frame(3)
		if got, want := r.watcher.said(), []string{"admit ok", "refuse malformed"}; !slices.Equal(got, want) {
			t.Errorf("the screen said %q, want %q", got, want)
		}
		r.gate.Push()
		synctest.Wait()
		var bad int
		for _, l := range r.watcher.looks {
			if l.Err != nil {
				bad++
			}
		}
		if len(r.watcher.looks) != 7 || bad != 2 {
			t.Errorf("%d looks, %d of them failed; want 7 and 2", len(r.watcher.looks), bad)
		}
	})
}

// What a screen and the metrics call the time from the frame begins when the
// picture had arrived: working out its pixels, finding its code and waiting for
// the desk all count.
func TestTimingBeginsWithTheFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pixels, search = 22 * time.Millisecond, 30 * time.Millisecond
		found := &late{after: search}
		r := newRig(t, func(r *rig) option { return withCamera(r, found) })
		found.text = r.code(r.sell(1))
		at := time.Now()
		time.Sleep(pixels)
		r.frames <- lane.Frame{Gray: image.NewGray(image.Rect(0, 0, 1, 1)), At: at}
		time.Sleep(search)
		synctest.Wait()
		r.watcher.mu.Lock()
		defer r.watcher.mu.Unlock()
		if len(r.watcher.results) != 1 || len(r.watcher.looks) != 1 {
			t.Fatalf("results %+v, looks %+v", r.watcher.results, r.watcher.looks)
		}
		got, look := r.watcher.results[0].Timing, r.watcher.looks[0]
		if got.Frame != pixels+search || got.Total() != got.Frame+got.Done || look.Took != search || !look.At.Equal(at) {
			t.Errorf("timing %+v, look %+v; want %s from the frame to its text", got, look, pixels+search)
		}
		r.gate.Push()
	})
}

// late is a decoder that takes its time.
type late struct {
	after time.Duration
	text  string
}

func (l *late) Decode(*image.Gray) ([]string, error) {
	time.Sleep(l.after)
	return []string{l.text}, nil
}

func TestCarriedTicketGoesWithTheClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		fresh := ticket.Ticket{ID: ticket.ID{5}, Event: 7, Zone: 1, Class: 1, Version: 1, Holder: r.alice.HolderKey()}
		session := must(r.alice.Rotating(fresh.ID, time.Now()))
		text := must(session.Text(time.Now(), must(pass.SignTicket(r.issuer, fresh))))
		r.expect(text, ticket.Admit, ticket.OK)
		r.gate.Push()
		if len(r.ledger.carried) != 1 || r.ledger.carried[0].ID != fresh.ID {
			t.Errorf("the ledger kept %+v, want the carried ticket", r.ledger.carried)
		}
	})
}

// The dry run says what the lane would, and leaves no trace.
func TestCheckChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		sold := r.sell(1)
		n := must(r.book.Current())
		texts := map[string]string{
			"rotating":  r.code(sold),
			"challenge": must(r.alice.Answer(sold.ID, n, nil)),
			"foreign":   "hello",
		}
		for name, text := range texts {
			for range 2 {
				e, err := r.judge.Check(t.Context(), text, nil, systemClock{}.Read())
				if err != nil {
					t.Fatal(err)
				}
				want := ticket.Admit
				if name == "foreign" {
					want = ticket.Refuse
				}
				if e.Verdict.Outcome != want || len(e.Steps) == 0 || (e.Hint != "") != (name == "foreign") {
					t.Errorf("%s: %+v, want %s", name, e, want)
				}
			}
		}
		r.wrote()
		// At another time it is another answer.
		late := clock.Reading{Now: time.Now().Add(30 * time.Second)}
		if e, err := r.judge.Check(t.Context(), texts["rotating"], nil, late); err != nil || e.Verdict.Reason != ticket.StalePass {
			t.Errorf("30 s later: %+v, %v; want stale_pass", e.Verdict, err)
		}
		// The nonce is still open for the one it was shown to.
		r.expect(texts["challenge"], ticket.Admit, ticket.OK)
		r.gate.Push()

		r.ledger.set(func() { r.ledger.lookupEr = errDisk })
		if _, err := r.judge.Check(t.Context(), texts["rotating"], nil, systemClock{}.Read()); !errors.Is(err, errDisk) {
			t.Errorf("with a broken disk: %v, want %v", err, errDisk)
		}
	})
}

func TestConfigIsChecked(t *testing.T) {
	if _, err := lane.New(t.Context(), lane.Config{}); err == nil {
		t.Error("New with an empty configuration passed")
	}
	if _, err := lane.NewJudge(t.Context(), lane.JudgeConfig{}); err == nil {
		t.Error("NewJudge with an empty configuration passed")
	}
}
