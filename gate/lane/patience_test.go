package lane_test

import (
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/con-ting/conting/gate/lane"
	"github.com/con-ting/conting/gate/turnstile"
	"github.com/con-ting/conting/sync/ticket"
)

// idle is an observer that takes its time and counts what it has heard.
type idle struct{ heard atomic.Int64 }

func (*idle) Looked(lane.Look)        {}
func (*idle) Settled(lane.Settlement) {}
func (o *idle) Decided(lane.Result)   { time.Sleep(time.Second); o.heard.Add(1) }

// Whoever has the answer of a scan may ask the observers who is on the way
// through: a gate whose input has ended stops when nobody is.
func TestObserversHearBeforeTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &idle{}
		r := newRig(t, func(*rig) option {
			return func(c *lane.Config, _ *turnstile.Config) { c.Observers = append(c.Observers, o) }
		})
		for n, text := range []string{"https://example.com", r.code(r.sell(1))} {
			r.scan(text)
			if got := o.heard.Load(); got != int64(n+1) {
				t.Errorf("scan %d was answered when the observer had heard of %d", n+1, got)
			}
		}
		r.gate.Push()
	})
}

// Patience covers two people who never come, one behind the other, and a
// turnstile that never says what became of them.
func TestPatience(t *testing.T) {
	for name, tc := range map[string]struct {
		cfg  option
		want []string
	}{
		"nobody comes": {
			func(*lane.Config, *turnstile.Config) {},
			[]string{"decision admit ok", "decision admit ok", "released 1 ", "released 2 "},
		},
		"a silent turnstile": {
			func(c *lane.Config, _ *turnstile.Config) { c.Turnstile = mute{make(chan turnstile.Event)} },
			[]string{"decision admit ok", "decision admit ok", "flagged 1 lane_fault", "flagged 2 lane_fault"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(*rig) option { return tc.cfg })
				for n := range byte(2) {
					r.expect(r.code(r.sell(n+1)), ticket.Admit, ticket.OK)
				}
				time.Sleep(r.Patience())
				synctest.Wait()
				if got := r.ledger.wrote(); !slices.Equal(got, tc.want) {
					t.Errorf("after %s the disk holds\n %q, want\n %q", r.Patience(), got, tc.want)
				}
			})
		})
	}
}
