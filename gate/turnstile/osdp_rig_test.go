package turnstile_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/firmware/board/host"
	"github.com/con-ting/conting/firmware/controller"
	"github.com/con-ting/conting/firmware/keep"
	"github.com/con-ting/conting/firmware/lane"
	"github.com/con-ting/conting/gate/turnstile"
)

// site is a lane's controller, its pins and its line, in the time of a bubble.
type site struct {
	t   *testing.T
	cfg turnstile.OSDPConfig
	log logBook

	mute atomic.Bool // what the controller says is lost

	mu     sync.Mutex // guards all below
	in     lane.Inputs
	out    lane.Outputs
	cut    bool
	conn   net.Conn
	noise  *rand.Rand
	rate   int
	down   []byte    // to the controller
	sent   time.Time // when the controller last answered
	reset  bool
	why    lane.Reason
	memory keep.Memory
	since  time.Time // when its clock began; owned by run
}

var siteKey = turnstile.OSDPKey{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}

// logBook keeps what was logged.
type logBook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBook) says(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), text)
}

func settings(serial uint32) keep.Settings {
	s := keep.Settings{Address: 5, Serial: serial, Baud: 115200, Key: siteKey}
	s.Seed[0] = byte(serial)
	return s
}

// newSite starts a controller.
func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, in: lane.AllWell, memory: host.Provision(settings(1)), reset: true, why: lane.PowerOn}
	s.cfg = turnstile.OSDPConfig{
		Address: 5, Key: siteKey, Now: time.Now, Logger: slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}.Over(s.dial)
	ctx, cancel := context.WithCancel(t.Context())
	var over sync.WaitGroup
	over.Go(func() { s.run(ctx) })
	t.Cleanup(func() {
		cancel()
		over.Wait()
	})
	return s
}

// run is the controller's main loop.
func (s *site) run(ctx context.Context) {
	var c controller.Controller
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		s.mu.Lock()
		if s.reset {
			s.reset, s.down, s.since = false, nil, time.Now()
			c.Start(s.Now(), s.memory, s.why)
		}
		s.mu.Unlock()
		for c.Turn(s, s) {
		}
		<-tick.C
	}
}

func (s *site) Now() uint32 { return uint32(time.Since(s.since).Milliseconds()) } // its own goroutine asks

func (s *site) Inputs() uint16 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return uint16(s.in)
}

func (s *site) Drive(outputs uint8) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = lane.Outputs(outputs)
}

func (s *site) Receive() (byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.down) == 0 {
		return 0, false
	}
	b := s.down[0]
	s.down = s.down[1:]
	return b, true
}

func (s *site) Send(p []byte) bool {
	s.mu.Lock()
	conn := s.conn
	s.sent = time.Now()
	p = s.spoil(p)
	s.mu.Unlock()
	if conn == nil || s.mute.Load() {
		return true
	}
	_, err := conn.Write(p)
	return err == nil
}

func (s *site) Sending() bool  { return false }
func (s *site) SetBaud(uint32) {}

// spoil is what noise makes of bytes.
func (s *site) spoil(p []byte) []byte {
	if s.noise == nil {
		return p
	}
	var out []byte
	for _, b := range p {
		if s.noise.IntN(s.rate) > 0 {
			out = append(out, b)
			continue
		}
		switch s.noise.IntN(3) {
		case 0:
			out = append(out, b^1<<s.noise.IntN(8))
		case 1:
			out = append(out, b, byte(s.noise.IntN(256)))
		}
	}
	return out
}

var errCut = errors.New("the cable is cut")

// dial plugs the gate's end in.
func (s *site) dial() (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cut {
		return nil, errCut
	}
	ours, theirs := net.Pipe()
	s.conn = ours
	go func() {
		buf := make([]byte, 256)
		for {
			n, err := ours.Read(buf)
			s.mu.Lock()
			s.down = append(s.down, s.spoil(buf[:n])...)
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return theirs, nil
}

// unplug cuts the cable, or mends it.
func (s *site) unplug(cut bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut = cut
	if cut && s.conn != nil {
		_ = s.conn.Close()
		s.conn = nil
	}
}

// hush lets nothing through any more, while the line stays open.
func (s *site) hush(rate int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noise, s.rate = rand.New(rand.NewPCG(1, 2)), rate
	if rate == 0 {
		s.noise = nil
	}
}

// lull waits for a moment at which the line is idle for a while.
func (s *site) lull() {
	for {
		s.mu.Lock()
		ago := time.Since(s.sent)
		s.mu.Unlock()
		if ago > 3*time.Millisecond && ago < 20*time.Millisecond {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// restart resets the controller.
func (s *site) restart(m keep.Memory) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reset, s.why = true, lane.Watchdog
	if m != nil {
		s.memory = m
	}
}

// open starts the driver and waits until it serves.
func (s *site) open() *turnstile.OSDP {
	s.t.Helper()
	o := s.start()
	s.await(o, "ready")
	return o
}

func (s *site) start() *turnstile.OSDP {
	s.t.Helper()
	o, err := turnstile.NewOSDP(s.t.Context(), s.cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { s.end(o) })
	return o
}

// end closes the driver, with nobody reading on.
func (s *site) end(o *turnstile.OSDP) {
	go func() {
		for range o.Events() {
		}
	}()
	_ = o.Close()
	s.unplug(true)
}

func (s *site) await(o *turnstile.OSDP, word string) {
	s.t.Helper()
	for range 3000 {
		if o.Condition().Word == word {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("the lane is %+v, want %s", o.Condition(), word)
}

// set drives pins, and lets the controller see it.
func (s *site) set(in lane.Inputs, high bool) {
	s.mu.Lock()
	s.in &^= in
	if high {
		s.in |= in
	}
	s.mu.Unlock()
	time.Sleep(60 * time.Millisecond)
}

// walk is somebody who goes through.
func (s *site) walk(way turnstile.Direction) {
	near, far := lane.ClearA, lane.ClearB
	if way == turnstile.Out {
		near, far = far, near
	}
	s.set(near, false)
	s.set(lane.Home, false)
	s.set(near, true)
	s.set(far, false)
	s.set(lane.Home, true)
	s.set(far, true)
}

// back is somebody who goes in and comes out again.
func (s *site) back() {
	s.set(lane.ClearA, false)
	s.set(lane.Home, false)
	s.set(lane.Home, true)
	s.set(lane.ClearA, true)
}

// held reports whether the way in is locked.
func (s *site) held() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out&lane.HoldA != 0
}

// later lets events come, and returns them.
func later(o turnstile.Lane, after time.Duration) string {
	time.Sleep(after)
	return heard(o)
}

func newOSDPConfig() turnstile.OSDPConfig {
	return turnstile.OSDPConfig{URL: "unix:/nowhere/at/all", Key: siteKey, Now: time.Now, Logger: slog.New(slog.DiscardHandler)}
}
