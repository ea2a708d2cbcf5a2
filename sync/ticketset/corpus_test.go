package ticketset_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/trust"
)

var update = flag.Bool("update", false, "write the fuzzing corpus anew")

// TestCorpus keeps the committed corpus in step with the formats: its valid
// seeds are today's bytes. Without -update it fails if they are not.
func TestCorpus(t *testing.T) {
	o := newOffice(t)
	payload := func(ctx trust.Context, data []byte) []byte {
		p, err := o.ring.Verify(trust.RoleEvent, eventA, ctx, data, now)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	b := o.build(t, 12, ticketset.Current{})
	d := delta(2, [32]byte{5}, statusOp(1, ticket.StatusRefunded), rebindOp(2, 3), ticketset.Op{Kind: ticketset.OpNew, Ticket: numbered(eventA, 3)})
	bare, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	beacon, err := ticketset.SignBeacon(o.event, word(issued, 3, 9, 700))
	if err != nil {
		t.Fatal(err)
	}
	ledger, err := ticketset.SignLedgerPage(o.event, page(2))
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := ticketset.SignLeasePage(o.event, leases(3, 2))
	if err != nil {
		t.Fatal(err)
	}
	file, _ := o.file(t, 3, 2)
	for name, seed := range map[string][]byte{
		"FuzzOpenManifest":   payload(ticketset.ManifestContext, b.Manifest),
		"FuzzOpenDelta":      payload(ticketset.DeltaContext, o.signDelta(t, d)),
		"FuzzParseDelta":     bare,
		"FuzzOpenBeacon":     payload(ticketset.BeaconContext, beacon),
		"FuzzOpenLedgerPage": payload(ticketset.LedgerContext, ledger),
		"FuzzOpenLeasePage":  payload(ticketset.LeaseContext, sessions),
		"FuzzParseRules":     b.Rules,
		"FuzzOpenChunk":      b.Chunks[0],
		"FuzzOpenStatus":     b.Status,
		"FuzzReadFile":       file,
	} {
		dir := filepath.Join("testdata", "fuzz", name)
		cut := seed[:len(seed)*2/3]
		null := append([]byte{0xf6}, seed[1:]...)
		for file, data := range map[string][]byte{"valid": seed, "cut": cut, "null": null} {
			path := filepath.Join(dir, file)
			want := fmt.Sprintf("go test fuzz v1\n[]byte(%q)\n", data)
			if *update {
				if err := os.MkdirAll(dir, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
					t.Fatal(err)
				}
				continue
			}
			// The status list is compressed, and a newer Go may compress it better.
			got, err := os.ReadFile(path)
			if err != nil || string(got) != want && name != "FuzzOpenStatus" && name != "FuzzReadFile" && name != "FuzzOpenManifest" {
				t.Errorf("%s is not today's seed (%v): run go test -run TestCorpus -update", path, err)
			}
		}
	}
}
