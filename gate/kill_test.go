package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/identity"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
)

const (
	killTickets = 260
	killScans   = 520 // answered ones
	killLives   = 30
)

// TestKill cuts a gate's power, as far as a process can, at random moments
// while it scans. Whatever it said about an admission must be in its journal,
// no ticket may enter twice, and the journal must be whole.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("kills some thirty processes")
	}
	k := newKilled(t, "")
	k.run(killLives, killScans)
	k.verify(k.journal(), killTickets/4)
}

// The same while a steward confirms every referral: a word that came just before the
// cut was carried out as a whole, or not at all.
func TestKillWhileConfirming(t *testing.T) {
	if testing.Short() {
		t.Skip("kills some twenty processes")
	}
	k := newKilled(t, "staff = true")
	k.steward = true
	k.run(killLives/2, killScans/2)
	k.verify(k.journal(), 20)
	if k.confirmed < 10 {
		t.Errorf("only %d referrals were confirmed: this test has seen too little", k.confirmed)
	}
}

// newKilled enrols a gate with a set, in which tickets of phones ask for an identity
// document if a steward is there to look at it.
func newKilled(t *testing.T, lane string) *killed {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	k := &killed{t: t, w: newWorld(t, killTickets), dir: t.TempDir(), rand: rand.New(rand.NewPCG(seed, 1)), acked: map[uint64]string{}}
	k.w.event.Classes[0].IDCheck = lane != ""
	k.conf = k.w.config(k.dir, "[uplink]\nenabled = false\n")
	text, err := os.ReadFile(k.conf)
	k.w.ok(err)
	k.w.ok(os.WriteFile(k.conf, bytes.Replace(text, []byte("[lane]"), []byte("[lane]\n"+lane), 1), 0o600))
	set := k.w.setFile(filepath.Join(k.dir, "set"), k.w.set(ticketset.Current{}, k.w.now, k.w.now.Add(time.Hour)))
	k.command("enrol", "--config", k.conf, k.w.invitation(worldCode))
	k.command("load-set", "--config", k.conf, set)
	return k
}

// run kills the gate until it has had that many lives and given that many answers.
func (k *killed) run(most, answers int) {
	k.t.Helper()
	lives := 0
	for ; lives < most || k.answers < answers; lives++ {
		if lives > 4*most {
			k.t.Fatalf("only %d scans were answered in %d lives", k.answers, lives)
		}
		k.live(true)
	}
	k.last = true
	k.live(false) // the last one ends in order, and has flagged what was left open
	k.t.Logf("%d lives, %d scans answered, %d admissions acknowledged, %d by a steward", lives, k.answers, len(k.acked), k.confirmed)
}

// killed is a gate that is killed again and again, and what it said.
type killed struct {
	t    *testing.T
	w    *world
	dir  string
	conf string
	rand *rand.Rand

	steward bool // confirms whatever may be confirmed
	last    bool // this life ends in order

	answers   int
	confirmed int
	acked     map[uint64]string // admissions that were said: entry number to ticket
}

func (k *killed) command(args ...string) {
	k.t.Helper()
	if out, err := exec.CommandContext(k.t.Context(), "gate", args...).CombinedOutput(); err != nil {
		k.t.Fatalf("gate %s: %v\n%s", args[0], err, out)
	}
}

// live runs the gate once. It is killed after a random number of answers and a
// random moment more; otherwise its input ends.
func (k *killed) live(kill bool) {
	k.t.Helper()
	cmd := exec.CommandContext(k.t.Context(), "gate", "run", "--config", k.conf, "--events", "-")
	in, err := cmd.StdinPipe()
	k.w.ok(err)
	out, err := cmd.StdoutPipe()
	k.w.ok(err)
	log, err := os.Create(filepath.Join(k.dir, "log"))
	k.w.ok(err)
	cmd.Stderr = log
	k.w.ok(cmd.Start())

	room := make(chan struct{}, 4) // scans without an answer
	ended := make(chan struct{})
	var feeder sync.WaitGroup
	most := 40
	if kill {
		most = 1 << 20
	}
	lots := rand.New(rand.NewPCG(k.rand.Uint64(), 2)) // the feeder's own
	feeder.Go(func() { k.feed(lots, in, room, ended, most) })
	limit, wait := k.rand.IntN(40), time.Duration(k.rand.IntN(6000))*time.Microsecond
	var once sync.Once
	cut := func() {
		once.Do(func() {
			time.AfterFunc(wait, func() { _ = cmd.Process.Kill() }) // the moment itself is the test
		})
	}
	if kill && limit == 0 {
		cut()
	}
	said, ready := 0, false
	say := func(uint64) {} // the steward's word; a verdict may come before the panel's address
	var words sync.WaitGroup
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			continue // cut in the middle
		}
		switch e.Event {
		case "ready":
			ready = true
			if k.steward {
				say = stewardAt(k.t.Context(), "http://"+e.Panel)
			}
		case "verdict", "repeat":
			k.take(e)
			said++
			if e.Confirmable {
				word := say
				words.Go(func() { word(e.Seq) })
			}
			select {
			case <-room:
			default: // it answers a word, no scan
			}
		}
		if kill && said >= limit && (said > 0 || ready) {
			cut()
		}
	}
	close(ended)
	feeder.Wait()
	words.Wait()
	err = cmd.Wait()
	k.w.ok(log.Close())
	var exit *exec.ExitError
	if kill && (!errors.As(err, &exit) || exit.ExitCode() != -1) || !kill && err != nil {
		text, _ := os.ReadFile(log.Name())
		k.t.Fatalf("the gate ended by itself: %v\n%s", err, text)
	}
}

// stewardAt presses the button of a panel. Whether anybody is still there to hear it
// is for the journal to say.
func stewardAt(ctx context.Context, panel string) func(uint64) {
	client := &http.Client{Timeout: 10 * time.Second}
	do := func(method, path, token, body string) (int, string) {
		req, err := http.NewRequestWithContext(ctx, method, panel+path, strings.NewReader(body))
		if err != nil {
			return 0, ""
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Origin", panel)
		req.Header.Set("X-Conting-Token", token)
		resp, err := client.Do(req)
		if err != nil {
			return 0, ""
		}
		defer func() { _ = resp.Body.Close() }()
		text, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(text)
	}
	_, page := do(http.MethodGet, "/", "", "")
	_, token, _ := strings.Cut(page, `name="token" content="`)
	token, _, _ = strings.Cut(token, `"`)
	return func(seq uint64) {
		for range 20 { // while the lane is busy
			if code, _ := do(http.MethodPost, "/confirm", token, fmt.Sprintf(`{"seq":%d}`, seq)); code != http.StatusServiceUnavailable {
				return
			}
		}
	}
}

// feed shows tickets by lot: new ones, ones without an answer, and used ones.
func (k *killed) feed(lots *rand.Rand, in io.WriteCloser, room chan struct{}, ended chan struct{}, most int) {
	for range most {
		select {
		case room <- struct{}{}:
		case <-ended:
			return
		}
		if _, err := fmt.Fprintln(in, k.w.pass(lots.IntN(len(k.w.tickets)), time.Now())); err != nil {
			return
		}
	}
	_ = in.Close() // the child may be gone
}

// take notes what was said.
func (k *killed) take(e event) {
	k.t.Helper()
	k.answers++
	switch {
	case e.Event == "repeat":
	case e.Outcome == "admit":
		if old, twice := k.acked[e.Seq]; twice {
			k.t.Errorf("entry %d was said twice: %s and %s", e.Seq, old, e.Ticket)
		}
		k.acked[e.Seq] = e.Ticket
		if e.Reason == string(ticket.ConfirmedByStaff) {
			k.confirmed++
		}
	case k.steward && e.Reason == string(ticket.IDCheck):
	case e.Outcome == "refuse" && e.Reason == string(ticket.StorageFault):
		// A machine that did not let the gate reach its disk in time: the lane stays
		// shut, and what must hold after the cuts must hold all the same.
		k.t.Logf("ticket %s: the disk took too long", e.Ticket)
	case k.last && k.steward && e.Reason == string(ticket.LaneFault):
		// The word came while the gate stopped: its admission is taken back.
		k.t.Logf("ticket %s: the lane was closing", e.Ticket)
	case e.Reason != string(ticket.AlreadyAdmitted):
		k.t.Errorf("ticket %s: %s %s", e.Ticket, e.Outcome, e.Reason)
	}
}

// journal exports the journal, checks its signatures and its chain, and returns
// its entries.
func (k *killed) journal() []journal.Entry {
	k.t.Helper()
	name := filepath.Join(k.dir, "journal")
	k.command("export-journal", "--config", k.conf, name)
	id, err := identity.Load(filepath.Join(k.dir, "data", "identity"), time.Now)
	k.w.ok(err)
	f, err := os.Open(name)
	k.w.ok(err)
	var head journal.Head
	var entries []journal.Entry
	k.w.ok(readExport(f, func(raw []byte) error {
		b, err := journal.OpenBatch(raw, id.Device(), id.Signer().Public())
		if err != nil {
			return err
		}
		fresh, next, err := head.Extend(b)
		entries, head = append(entries, fresh...), next
		return err
	}))
	k.w.ok(f.Close())
	return entries
}

// verify compares the journal with what was said, which must be enough admissions.
func (k *killed) verify(entries []journal.Entry, enough int) {
	k.t.Helper()
	referrals := map[uint64]ticket.ID{}
	admitted := map[ticket.ID]uint64{}
	decisions := map[uint64]journal.Entry{}
	ends := map[uint64]journal.Kind{}
	for i, e := range entries {
		if e.Seq != uint64(i+1) {
			k.t.Fatalf("entry %d stands at place %d", e.Seq, i+1)
		}
		if e.Reason == ticket.ConfirmedByStaff && referrals[e.Refers] != e.Ticket {
			k.t.Errorf("entry %d confirms %d, which is no referral of its ticket", e.Seq, e.Refers)
		}
		switch {
		case e.Kind == journal.Decision && e.Outcome == ticket.Refer:
			referrals[e.Seq] = e.Ticket
		case e.Kind == journal.Decision && e.Outcome == ticket.Admit:
			if first, twice := admitted[e.Ticket]; twice {
				k.t.Errorf("ticket %.8s was admitted twice, by entries %d and %d", e.Ticket, first, e.Seq)
			}
			admitted[e.Ticket] = e.Seq
			decisions[e.Seq] = e
		case e.Kind == journal.Passed, e.Kind == journal.Flagged, e.Kind == journal.Released && k.steward:
			if old, twice := ends[e.Refers]; twice {
				k.t.Errorf("admission %d ended as %s and as %s", e.Refers, old, e.Kind)
			}
			ends[e.Refers] = e.Kind
			if e.Kind == journal.Released {
				if _, said := k.acked[e.Refers]; said {
					k.t.Errorf("admission %d was said and taken back", e.Refers)
				}
				delete(admitted, e.Ticket)
			}
		case e.Kind != journal.Decision:
			k.t.Errorf("entry %d is %s, which nothing here does", e.Seq, e.Kind)
		}
	}
	for seq, id := range k.acked {
		if e, ok := decisions[seq]; !ok || e.Ticket.String()[:8] != id {
			k.t.Errorf("admission %d of ticket %s was said and is not in the journal", seq, id)
		}
	}
	for seq := range decisions {
		if _, ok := ends[seq]; !ok {
			k.t.Errorf("admission %d was never settled", seq)
		}
	}
	if len(k.acked) < enough || len(ends) < len(k.acked) {
		k.t.Errorf("only %d admissions: this test has seen too little", len(k.acked))
	}
}
