package mint_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/mint/chain"
	"github.com/con-ting/conting/central/mint/token"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/localnet"
)

// quartet is four tickets whose tokens are to be minted, moved, made free and burned.
type quartet struct{ minted, moved, freed, burned ticket.ID }

// quartets make four tickets each, and have all that comes before done by a worker.
func (w *world) quartets(n int) []quartet {
	w.Helper()
	worker := w.worker(nil)
	stop := w.run(worker)
	all := make([]quartet, n)
	var ids []ticket.ID
	for i := range all {
		some := w.sell(worker, "kim", 10*i+2, 10*i+3, 10*i+4)
		all[i] = quartet{tid(10*i + 1), some[0], some[1], some[2]}
		ids = append(ids, some...)
	}
	w.settle(ids...)
	stop()
	return all
}

// begin says what is to become of the four.
func (w *world) begin(q quartet) {
	w.Helper()
	worker := w.worker(nil)
	w.sell(worker, "kim", numberOf(q.minted))
	w.give(worker, q.moved, "lee")
	w.admit(worker, q.freed)
	w.refund(worker, q.burned)
}

func (q quartet) all() []ticket.ID { return []ticket.ID{q.minted, q.moved, q.freed, q.burned} }

// check checks that everything was done to the four, and exactly once.
func (w *world) check(q quartet) {
	w.Helper()
	w.settle(q.all()...)
	for _, c := range []struct {
		id    ticket.ID
		owner string
		want  token.Observed
		kinds []mint.Kind
	}{
		{q.minted, "kim", token.Observed{Form: token.Held, Holds: true, Frozen: true}, []mint.Kind{mint.Mint}},
		{q.moved, "lee", token.Observed{Form: token.Held, Holds: true, Frozen: true}, []mint.Kind{mint.Mint, mint.Move}},
		{q.freed, "kim", token.Observed{Form: token.Free, Holds: true}, []mint.Kind{mint.Mint, mint.Release}},
		{q.burned, "kim", token.Observed{Form: token.Burned}, []mint.Kind{mint.Mint, mint.Burn}},
	} {
		got := w.onChain(c.id, c.owner)
		if got.Text = nil; got != c.want {
			w.Errorf("%v: on chain is %+v, want %+v", c.kinds, got, c.want)
		}
		history := w.history(c.id)
		if len(history) != len(c.kinds) {
			w.Errorf("%v: done was %+v", c.kinds, history)
			continue
		}
		for i, a := range history {
			if a.Kind != c.kinds[i] || a.State != mint.Finalized {
				w.Errorf("%v: done was %+v", c.kinds, a)
			}
		}
	}
}

// killAt runs a worker until it comes to a step, and has it do nothing any more from
// there. It reports whether it came there before everything was done.
func (w *world) killAt(step string, ids []ticket.ID) bool {
	w.Helper()
	worker := w.worker(nil)
	ctx, cancel := context.WithCancel(w.Context())
	defer cancel()
	var mu sync.Mutex // guards killed
	killed := false
	worker.PauseAt(func(_ context.Context, at string) error {
		mu.Lock()
		defer mu.Unlock()
		if at == step {
			killed = true
		}
		if killed {
			cancel()
			return errKilled
		}
		return nil
	})
	done := make(chan error, 1)
	go func() { done <- worker.Run(ctx) }()
	w.until("killed is the worker at "+step, func() bool {
		if ctx.Err() != nil {
			return true
		}
		for _, id := range ids {
			if !w.atRest(id) { //nolint:contextcheck // the test's, not the worker's
				return false
			}
		}
		cancel()
		return true
	})
	must(w.T, <-done)
	mu.Lock()
	defer mu.Unlock()
	return killed
}

func (w *world) atRest(id ticket.ID) bool {
	w.Helper()
	k, all := w.token(id), w.history(id)
	return k.Settled() && (len(all) == 0 || !all[len(all)-1].State.Open())
}

// A worker is killed at every step of its work, and its successor too, while it mints, moves, frees and
// burns; a third one finishes.
func TestKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	for steps := range slices.Chunk(mint.Steps, 4) {
		t.Run(steps[0], func(t *testing.T) {
			t.Parallel()
			killedAt(t, steps)
		})
	}
}

func killedAt(t *testing.T, steps []string) {
	w := newWorldOf(t, localnet.Options{Slot: 10 * time.Millisecond, Seed: 3})
	for i, q := range w.quartets(len(steps)) {
		step := steps[i]
		w.begin(q)
		had, paid := w.balance(), w.paid(q)
		if step == "examined" || step == "examined and noted" { // which is only where something went wrong
			must(t, w.net.Faults(t.Context(), localnet.Faults{Drop: 1}))
		}
		if !w.killAt(step, q.all()) {
			t.Errorf("%s: it never came there", step)
		}
		w.killAt(step, q.all()) // where it may not come to again
		must(t, w.net.Faults(t.Context(), localnet.Faults{}))
		stop := w.run(w.worker(nil))
		w.check(q)
		stop()
		if paid = w.paid(q) - paid; had-w.balance() != paid {
			t.Errorf("%s: the payer paid %d, the store says %d", step, had-w.balance(), paid)
		}
		if t.Failed() {
			t.Fatalf("killed at %q", step)
		}
	}
}

// paid is what the store says that was paid for the four.
func (w *world) paid(q quartet) (sum int64) {
	w.Helper()
	for _, id := range q.all() {
		for _, a := range w.history(id) {
			sum += a.Fee + a.Rent
		}
	}
	return sum
}

// Variables that make the test binary the process that is killed.
const (
	killedStore = "MINT_TEST_KILLED_STORE"
	killedNode  = "MINT_TEST_KILLED_NODE"
)

func TestMain(m *testing.M) {
	if os.Getenv(killedStore) != "" {
		if err := workUntilKilled(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	// These tests wait for blocks, and hardly ever for a processor.
	if err := flag.Set("test.parallel", "10"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// workUntilKilled is a central with nothing but a worker.
func workUntilKilled() error {
	ctx, logger := context.Background(), slog.New(slog.DiscardHandler)
	s, err := store.Open(ctx, store.Config{Path: os.Getenv(killedStore), Now: time.Now, Logger: logger})
	if err != nil {
		return err
	}
	client, err := chain.New(ctx, chain.Config{Nodes: []string{os.Getenv(killedNode)}, Now: time.Now, Log: logger})
	if err != nil {
		return err
	}
	authority, err := chain.NewSigner(keyFor("authority"))
	if err != nil {
		return err
	}
	payer, err := chain.NewSigner(keyFor("payer"))
	if err != nil {
		return err
	}
	w, err := mint.New(ctx, mint.Config{
		Store: s.Mint(), Chain: client, Events: events{s}, Wallets: &purses{}, Authority: authority, Payer: payer, Secret: secret(),
		Origin: "https://tickets.example", Poll: 100 * time.Millisecond, Look: slot, Batch: 64, Logger: logger, Now: time.Now,
	})
	if err != nil {
		return err
	}
	return w.Run(ctx)
}

// A central is killed at random while it mints, again and again, through a node that
// loses some transactions: each token is there once, and paid for once.
func TestKilledAtRandom(t *testing.T) {
	const n = 60
	t.Parallel()
	w := newWorld(t)
	worker := w.worker(nil)
	ids := w.sell(worker, "kim", many(n)...)
	had := w.balance()
	must(t, w.net.Faults(t.Context(), localnet.Faults{Drop: .1, Late: .1, LateSlots: 20, Lost: .05}))
	for round := range 3 {
		c := exec.CommandContext(t.Context(), os.Args[0])
		c.Env = append(os.Environ(), killedStore+"="+w.path, killedNode+"="+w.net.URL)
		c.Stderr = os.Stderr
		must(t, c.Start())
		before, err := w.net.Stats(t.Context())
		must(t, err)
		more := int64(1 + rand.IntN(n/6))
		w.until(fmt.Sprintf("round %d: %d more calls", round, more), func() bool {
			now, err := w.net.Stats(t.Context())
			must(t, err)
			return now.Total()-before.Total() >= more
		})
		must(t, c.Process.Kill())
		_ = c.Wait() // it was killed
	}
	w.run(worker)
	w.everySettled(n)
	w.exactlyOnce(ids, "kim", had)
}
