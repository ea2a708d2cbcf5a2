package mint

import (
	"errors"
	"testing"

	"github.com/con-ting/conting/central/mint/chain"
)

// What a status means depends on what is known of the chain besides. Nothing is signed
// anew before its height has passed.
func TestJudge(t *testing.T) {
	const sig = "5"
	failed := errors.New("refused")
	at := func(c chain.Commitment, err error) *chain.Status {
		return &chain.Status{Slot: 90, Commitment: c, Err: err}
	}
	tip := func(h uint64) chain.Tip { return chain.Tip{Slot: h + 1000, Height: h} }
	sent := Action{State: Sent, Signature: sig, LastHeight: 200}
	prepared := Action{State: Prepared, Signature: sig, LastHeight: 200}
	sure := Action{State: Confirmed, Signature: sig, LastHeight: 200, Slot: 90}
	found := Action{State: Confirmed, Slot: 90}
	for _, c := range []struct {
		name   string
		action Action
		status *chain.Status
		height uint64
		final  uint64
		want   verdict
	}{
		{"on a branch that may be left", sent, at(chain.Processed, nil), 100, 50, wait},
		{"failed on such a branch", sent, at(chain.Processed, failed), 100, 50, wait},
		{"expired on such a branch", sent, at(chain.Processed, nil), 300, 50, wait},
		{"confirmed", sent, at(chain.Confirmed, nil), 100, 50, confirm},
		{"confirmed though nobody had answered", prepared, at(chain.Confirmed, nil), 100, 50, confirm},
		{"confirmed at its last height", sent, at(chain.Confirmed, nil), 300, 50, confirm},
		{"still confirmed", sure, at(chain.Confirmed, nil), 100, 50, wait},
		{"final", sure, at(chain.Finalized, nil), 100, 150, finish},
		{"final at once", sent, at(chain.Finalized, nil), 100, 150, finish},
		{"failed", sent, at(chain.Confirmed, failed), 100, 50, examine},
		{"failed for good", sent, at(chain.Finalized, failed), 100, 150, examine},
		{"failed after it was confirmed", sure, at(chain.Confirmed, failed), 100, 150, examine},
		{"not there yet", sent, nil, 100, 50, resend},
		{"not there at its last height", sent, nil, 200, 50, resend},
		{"not there after it", sent, nil, 201, 50, examine},
		{"perhaps never sent", prepared, nil, 100, 50, resend},
		{"perhaps never sent, and too late", prepared, nil, 201, 50, examine},
		{"vanished", sure, nil, 100, 50, examine},
		{"vanished long after", sure, nil, 900, 850, examine},
		{"done by another, not yet final", found, nil, 100, 89, wait},
		{"done by another", found, nil, 100, 90, examine},
	} {
		if got := judge(&c.action, c.status, tip(c.height), c.final); got != c.want {
			t.Errorf("%s: verdict %d, want %d", c.name, got, c.want)
		}
	}
}
