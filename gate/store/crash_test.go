package store_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
)

const crashEnv = "CONTING_STORE_CRASH_DB"

// TestMain turns the test binary into the victim when the parent asks for it.
func TestMain(m *testing.M) {
	if path := os.Getenv(crashEnv); path != "" {
		if err := victim(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// victim claims tickets from where the journal ends, settles some, and says what
// it was told is on the disk, until it is killed.
func victim(path string) error {
	ctx := context.Background()
	s, err := store.Open(ctx, store.Config{Path: path, Device: "gate-1", Now: time.Now})
	if err != nil {
		return err
	}
	if _, err := s.Recover(ctx); err != nil {
		return err
	}
	head, err := s.Head(ctx)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(head.Seq, 1))
	fmt.Println("ready")
	for n := int(head.Seq); ; n++ {
		ask := n
		if rng.IntN(4) == 0 && n > 0 {
			ask = rng.IntN(n) // a ticket that was probably admitted already
		}
		c, err := s.Claim(ctx, store.ClaimRequest{Entry: admit(ask)})
		if err != nil {
			return err
		}
		fmt.Println("claim", c.Seq, ask, c.Won)
		if !c.Won {
			continue
		}
		kinds := []journal.Kind{journal.Passed, journal.Released, journal.Flagged}
		i := rng.IntN(len(kinds) + 1)
		if i == len(kinds) {
			continue // never settled: left for Recover
		}
		if err := s.Settle(ctx, c.Seq, kinds[i], ""); err != nil {
			return err
		}
		fmt.Println("settle", c.Seq, ask, kinds[i])
	}
}

// A gate that is killed at any moment has lost nothing that it had acknowledged,
// and has admitted no ticket twice. (SIGKILL does not empty the disk's cache; the
// fsync that guards against a power cut is checked by TestDurability's settings.)
func TestKilledAtRandom(t *testing.T) {
	kills := 60
	if testing.Short() {
		kills = 5
	}
	path := filepath.Join(t.TempDir(), "gate.db")
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 2))
	var told []string
	for i := range kills {
		lines, err := runVictim(t, path, time.Duration(rng.IntN(40_000))*time.Microsecond)
		if err != nil {
			t.Fatalf("seed %d, life %d: %v", seed, i, err)
		}
		told = append(told, lines...)
	}
	s := open(t, path)
	entries := chain(t, s)
	t.Logf("seed %d: %d kills, %d acknowledgements, %d entries", seed, kills, len(told), len(entries))
	if len(told) < kills {
		t.Errorf("only %d acknowledgements in %d lives: the test did not test much", len(told), kills)
	}
	wantTold(t, told, entries)
	wantNoDoubles(t, entries)
}

// runVictim lets a gate live for a while after it is ready, kills it and returns
// the whole lines that it wrote.
func runVictim(t *testing.T, path string, life time.Duration) ([]string, error) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), crashEnv+"="+path)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := bufio.NewReader(out)
	if line, err := r.ReadString('\n'); err != nil || line != "ready\n" {
		_ = cmd.Wait()
		return nil, fmt.Errorf("victim said %q: %w: %s", line, err, stderr.String())
	}
	timer := time.AfterFunc(life, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	var lines []string
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			break // a line that was cut off was not told
		}
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	if err := cmd.Wait(); err == nil || stderr.Len() > 0 {
		return nil, fmt.Errorf("victim ended by itself: %w: %s", err, stderr.String())
	}
	return lines, nil
}

// wantTold checks that everything that was acknowledged is in the journal as it
// was acknowledged.
func wantTold(t *testing.T, told []string, entries []journal.Entry) {
	t.Helper()
	settled := map[uint64]map[string]bool{}
	for _, e := range entries {
		if e.Refers != 0 {
			if settled[e.Refers] == nil {
				settled[e.Refers] = map[string]bool{}
			}
			settled[e.Refers][e.Kind.String()] = true
		}
	}
	for _, line := range told {
		var what, result string
		var seq uint64
		var n int
		if _, err := fmt.Sscan(line, &what, &seq, &n, &result); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		if seq == 0 || seq > uint64(len(entries)) {
			t.Errorf("%q was acknowledged, but the journal ends at %d", line, len(entries))
			continue
		}
		e := entries[seq-1]
		switch what {
		case "claim":
			if e.Kind != journal.Decision || e.Ticket != numbered(n).ID || (e.Outcome == ticket.Admit) != (result == "true") {
				t.Errorf("%q was acknowledged, the journal says %s of %.8s, %s", line, e.Kind, e.Ticket, e.Outcome)
			}
		case "settle":
			if !settled[seq][result] {
				t.Errorf("%q was acknowledged, the journal knows only %v", line, settled[seq])
			}
		default:
			t.Errorf("line %q", line)
		}
	}
}

// wantNoDoubles replays the journal: no ticket is admitted while an admission of
// it counts.
func wantNoDoubles(t *testing.T, entries []journal.Entry) {
	t.Helper()
	counts := map[ticket.ID]uint64{}
	for _, e := range entries {
		switch e.Kind {
		case journal.Decision:
			if e.Outcome != ticket.Admit {
				continue
			}
			if earlier := counts[e.Ticket]; earlier != 0 {
				t.Errorf("entry %d admits ticket %.8s, which entry %d had admitted", e.Seq, e.Ticket, earlier)
			}
			counts[e.Ticket] = e.Seq
		case journal.Released, journal.Undone:
			if counts[e.Ticket] == e.Refers {
				delete(counts, e.Ticket)
			}
		case journal.Passed, journal.Flagged, journal.Left:
		}
	}
}
