package turnstile_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/con-ting/conting/firmware/osdp"
	"github.com/con-ting/conting/gate/turnstile"
)

// board is an OSDP I/O module of another make: two outputs, four contacts.
type board struct {
	mu       sync.Mutex // guards all below
	contacts [4]byte
	told     [4]byte
	outputs  []string // what was asked of them
	shows    []string // lamps, sounds and texts
	quiet    bool     // it does not tell of contacts by itself
	naks     bool     // it refuses OUT
	conn     net.Conn
	cut      bool
}

func (b *board) set(n int, level byte) {
	b.mu.Lock()
	b.contacts[n] = level
	b.mu.Unlock()
	time.Sleep(200 * time.Millisecond)
}

func (b *board) asked() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer func() { b.outputs = nil }()
	return strings.Join(b.outputs, ", ")
}

func (b *board) unplug(cut bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cut = cut
	if cut && b.conn != nil {
		_ = b.conn.Close()
	}
}

func (b *board) dial() (net.Conn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cut {
		return nil, errCut
	}
	ours, theirs := net.Pipe()
	b.conn = ours
	go b.serve(ours)
	return theirs, nil
}

type nonce byte

func (n *nonce) Fill(dst *[8]byte) bool {
	*n++
	*dst = [8]byte{byte(*n), 2, 3}
	return true
}

func (b *board) serve(conn net.Conn) {
	var pd osdp.PD
	pd.Init(&osdp.PDConfig{
		Address: 5, Key: siteKey, Nonce: new(nonce), ID: osdp.Identity{Vendor: [3]byte{0, 6, 0x8E}, Model: 9, Serial: 77},
		Caps: [osdp.MaxCapabilities]osdp.Capability{
			{Function: osdp.CapInputs, Level: 1, Items: 4},
			{Function: osdp.CapOutputs, Level: 3, Items: 2},
			{Function: osdp.CapLED, Level: 4, Items: 1},
			{Function: osdp.CapAudible, Level: 2, Items: 1},
			{Function: osdp.CapText, Level: 1, Items: 1},
		}, CapsLen: 5,
	})
	start := time.Now()
	buf := make([]byte, 256)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		for _, c := range buf[:n] {
			a := pd.Feed(uint32(time.Since(start).Milliseconds()), c)
			if a == osdp.Handle {
				a = b.handle(&pd)
			}
			if a == osdp.Send {
				_, _ = conn.Write(pd.Out())
			}
		}
	}
}

func (b *board) handle(pd *osdp.PD) osdp.Action {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := pd.Command()
	switch c.Code {
	case osdp.CmdPoll:
		if b.quiet || b.told == b.contacts {
			return pd.Reply(osdp.ReplyAck, nil)
		}
		fallthrough
	case osdp.CmdIStat:
		b.told = b.contacts
		return pd.Reply(osdp.ReplyIStat, b.contacts[:])
	case osdp.CmdOut:
		if b.naks {
			return pd.Nak(osdp.NakRecord)
		}
		o, _ := osdp.OutputAt(c.Data, 0)
		b.outputs = append(b.outputs, fmt.Sprintf("%d code %d for %d", o.Number, o.Code, o.Time))
		return pd.Reply(osdp.ReplyOStat, []byte{0, 0})
	case osdp.CmdLED:
		l, _ := osdp.LEDAt(c.Data, 0)
		b.shows = append(b.shows, fmt.Sprintf("lamp %d", l.Temporary.OnColour))
	case osdp.CmdBuz:
		var z osdp.Buzzer
		z.Take(c.Data)
		b.shows = append(b.shows, fmt.Sprintf("%d tones", z.Count))
	case osdp.CmdText:
		var x osdp.Text
		x.Take(c.Data)
		b.shows = append(b.shows, string(x.Bytes))
	default:
		return pd.Nak(osdp.NakUnknown)
	}
	return pd.Reply(osdp.ReplyAck, nil)
}

func pin(text string) turnstile.Pin {
	p, err := turnstile.ParsePin(text)
	if err != nil {
		panic(err)
	}
	return p
}

func boardTest(t *testing.T, change func(*turnstile.OSDPConfig), f func(t *testing.T, b *board, o *turnstile.OSDP)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &board{}
		cfg := turnstile.OSDPConfig{Address: 5, Key: siteKey, Now: time.Now, Logger: slog.New(slog.DiscardHandler)}.Over(b.dial)
		cfg.Wiring.Unlock = [2]turnstile.Pin{pin("0"), pin("1")}
		cfg.Wiring.Passed = [2]turnstile.Pin{pin("0"), pin("1")}
		cfg.Wiring.Alarm, cfg.Wiring.Fire = pin("2"), pin("3")
		if change != nil {
			change(&cfg)
		}
		o, err := turnstile.NewOSDP(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			go func() {
				for range o.Events() {
				}
			}()
			_ = o.Close()
			b.unplug(true)
		})
		time.Sleep(time.Second)
		b.asked()
		f(t, b, o)
	})
}

func TestModulePulse(t *testing.T) {
	boardTest(t, nil, func(t *testing.T, b *board, o *turnstile.OSDP) {
		want(t, "condition", o.Condition().Word, "ready")
		give(t, o, turnstile.Grant{ID: 1}, nil)
		b.set(0, 1)
		b.set(0, 0)
		want(t, "passed", later(o, time.Second), "1 armed, 1 passed")
		if got := b.asked(); !strings.HasPrefix(got, "0 code 5 for 2, 0 code 1 for 0") {
			t.Errorf("outputs: %q, want the way in for 200 ms", got)
		}
		b.set(0, 1)
		want(t, "somebody without a grant", later(o, time.Second), "0 forced")
		give(t, o, turnstile.Grant{ID: 2, Direction: turnstile.Out}, nil)
		want(t, "nobody", later(o, 7*time.Second), "2 armed, 2 expired")
		b.set(3, 1)
		want(t, "fire", later(o, time.Second), "0 free")
		want(t, "condition", o.Condition().Word, "fire")
		give(t, o, turnstile.Grant{ID: 3}, turnstile.ErrFault)
		b.set(3, 0)
		want(t, "over", later(o, time.Second), "0 ready")
	})
}

// Held open, the module locks by itself if nobody tells it to.
func TestModuleLevel(t *testing.T) {
	boardTest(t, func(c *turnstile.OSDPConfig) {
		c.Level = true
		c.Wiring.Unlock[turnstile.In] = pin("!0")
		c.Wiring.Passed[turnstile.In] = turnstile.Pin{}
	}, func(t *testing.T, b *board, o *turnstile.OSDP) {
		give(t, o, turnstile.Grant{ID: 1}, nil)
		want(t, "blind", later(o, 8*time.Second), "1 armed, 1 passed")
		want(t, "outputs", b.asked(), "0 code 6 for 60, 0 code 2 for 0")
	})
}

func TestModuleQuiet(t *testing.T) {
	boardTest(t, nil, func(t *testing.T, b *board, o *turnstile.OSDP) {
		b.mu.Lock()
		b.quiet = true
		b.mu.Unlock()
		give(t, o, turnstile.Grant{ID: 1}, nil)
		b.set(0, 1)
		want(t, "it is asked", later(o, 2*time.Second), "1 armed, 1 passed")
	})
}

func TestModuleAway(t *testing.T) {
	boardTest(t, nil, func(t *testing.T, b *board, o *turnstile.OSDP) {
		give(t, o, turnstile.Grant{ID: 1}, nil)
		b.unplug(true)
		want(t, "away", later(o, 9*time.Second), "1 armed, 1 fault")
		want(t, "condition", o.Condition().Word, "no_answer")
		give(t, o, turnstile.Grant{ID: 2}, turnstile.ErrFault)
		b.unplug(false)
		want(t, "back", later(o, 15*time.Second), "0 ready")
		give(t, o, turnstile.Grant{ID: 3}, nil)
	})
}

func TestModuleRefuses(t *testing.T) {
	boardTest(t, nil, func(t *testing.T, b *board, o *turnstile.OSDP) {
		b.mu.Lock()
		b.naks = true
		b.mu.Unlock()
		give(t, o, turnstile.Grant{ID: 1}, turnstile.ErrFault)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := o.Grant(ctx, turnstile.Grant{ID: 2}); err == nil {
			t.Error("a module that refuses was granted at")
		}
	})
}

// A module whose pins nobody named is none that we can drive.
func TestModuleUnknown(t *testing.T) {
	boardTest(t, func(c *turnstile.OSDPConfig) { c.Wiring = turnstile.Wiring{} }, func(t *testing.T, b *board, o *turnstile.OSDP) {
		want(t, "condition", o.Condition().Word, "strange")
		give(t, o, turnstile.Grant{ID: 1}, turnstile.ErrFault)
		want(t, "outputs", b.asked(), "")
	})
}

func TestSignals(t *testing.T) {
	boardTest(t, nil, func(t *testing.T, b *board, o *turnstile.OSDP) {
		for _, c := range []struct {
			signal turnstile.Signal
			shows  string
		}{
			{turnstile.Welcome, "lamp 2, 1 tones, WELCOME"},
			{turnstile.Refused, "lamp 1, 3 tones, STOP"},
			{turnstile.Look, "lamp 3, 2 tones, PLEASE ASK STAFF"},
		} {
			o.Show(c.signal)
			time.Sleep(time.Second)
			b.mu.Lock()
			want(t, "shown", strings.Join(b.shows, ", "), c.shows)
			b.shows = nil
			b.mu.Unlock()
		}
	})
}
