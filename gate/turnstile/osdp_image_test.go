package turnstile_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/con-ting/conting/firmware/board/host"
	"github.com/con-ting/conting/firmware/update"
	"github.com/con-ting/conting/gate/turnstile"
	"github.com/con-ting/conting/sync/hint"
)

// signedImage is an image as a gate reads it.
func signedImage(t *testing.T, length int, board uint16, version uint32) *update.Image {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	file, err := update.Pack(make([]byte, length), board, version, key)
	if err != nil {
		t.Fatal(err)
	}
	v, err := update.Verify(file, ed25519.PublicKey(key[32:]))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// slotted is a sim that can take another image; it runs version 1.
func slotted(t *testing.T) *sim {
	t.Helper()
	return startSim(t, "unix:"+filepath.Join(t.TempDir(), "line"), "--flash", filepath.Join(t.TempDir(), "flash"), "--version", "1")
}

func silent(turnstile.UpdateProgress) {}

func TestUpdateOSDP(t *testing.T) {
	s := slotted(t)
	var told []turnstile.UpdateProgress
	r, err := turnstile.UpdateOSDP(patient(t), s.config(), signedImage(t, 5000, host.BoardID, 0x010203), func(p turnstile.UpdateProgress) {
		told = append(told, p)
	})
	if err != nil || r != (turnstile.UpdateReport{Before: 1, After: 0x010203, Trial: true}) {
		t.Fatalf("%+v, %v (%s)", r, err, hint.Of(err))
	}
	last := turnstile.UpdateProgress{}
	for _, p := range told {
		if p.Sent < last.Sent || p.Total != 5000+update.HeaderSize || p.Again != 0 {
			t.Errorf("%+v after %+v", p, last)
		}
		last = p
	}
	if last.Phase != turnstile.UpdateStarting || len(told) < 20 {
		t.Errorf("told %d times, the last %+v", len(told), last)
	}
	p, err := turnstile.ProbeOSDP(patient(t), s.config())
	if err != nil || p.Firmware != "1.2.3" {
		t.Errorf("a probe says %s, %v", p.Firmware, err)
	}

	// The same again is no work; another one has to wait for the trial's end.
	r, err = turnstile.UpdateOSDP(patient(t), s.config(), signedImage(t, 5000, host.BoardID, 0x010203), silent)
	if err != nil || r.Before != r.After || !r.Trial {
		t.Errorf("again: %+v, %v", r, err)
	}
	_, err = turnstile.UpdateOSDP(patient(t), s.config(), signedImage(t, 5000, host.BoardID, 0x010204), silent)
	if !errors.Is(err, turnstile.ErrImageRefused) || !strings.Contains(hint.Of(err), "minute") {
		t.Errorf("during the trial: %v (%s)", err, hint.Of(err))
	}
}

func TestUpdateOSDPRefused(t *testing.T) {
	s := startSim(t, "unix:"+filepath.Join(t.TempDir(), "line"), "--flash", filepath.Join(t.TempDir(), "flash"), "--version", "9")
	for name, test := range map[string]struct {
		image *update.Image
		want  error
		says  string // what only the gate says, so that nothing was sent
	}{
		"an older one":  {signedImage(t, 100, host.BoardID, 8), turnstile.ErrNotNewer, "0.0.8"},
		"another board": {signedImage(t, 100, 0x0965, 10), update.ErrWrongBoard, "not for host"},
		"too long":      {signedImage(t, 128<<10, host.BoardID, 10), turnstile.ErrImageRefused, "room for"},
	} {
		r, err := turnstile.UpdateOSDP(patient(t), s.config(), test.image, silent)
		if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) || r.Before != 9 {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	// What the gate would not send, the device would not take.
	lie := signedImage(t, 100, host.BoardID, 10)
	lie.Transfer[update.HeaderSize] ^= 1
	if _, err := turnstile.UpdateOSDP(patient(t), s.config(), lie, silent); !errors.Is(err, turnstile.ErrImageRefused) || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("damaged: %v", err)
	}
	whole := startSim(t, "unix:"+filepath.Join(t.TempDir(), "line"))
	if _, err := turnstile.UpdateOSDP(patient(t), whole.config(), lie, silent); !errors.Is(err, turnstile.ErrNoUpdate) {
		t.Errorf("a device without slots: %v", err)
	}
	wrong := s.config()
	wrong.Key[0]++
	if _, err := turnstile.UpdateOSDP(patient(t), wrong, lie, silent); !errors.Is(err, turnstile.ErrNoSecure) {
		t.Errorf("another key: %v", err)
	}
}

// TestUpdateOSDPInFire: the loop frees the lane in the middle of a transfer, and the
// transfer begins anew when the alarm is over.
func TestUpdateOSDPInFire(t *testing.T) {
	s := slotted(t)
	fires, again := 0, 0
	r, err := turnstile.UpdateOSDP(patient(t), s.config(), signedImage(t, 20_000, host.BoardID, 2), func(p turnstile.UpdateProgress) {
		switch again = p.Again; {
		case p.Phase == turnstile.UpdateWaiting:
			s.do("set loop_closed 1")
		case p.Sent > 5000 && fires == 0:
			fires++
			s.do("set loop_closed 0")
		}
	})
	if err != nil || r.After != 2 || again == 0 {
		t.Fatalf("%+v, begun anew %d times, %v", r, again, err)
	}
}

func TestUpdateOSDPInUse(t *testing.T) {
	s := slotted(t)
	s.do("set loop_closed 0")
	t.Parallel() // it waits for five seconds
	_, err := turnstile.UpdateOSDP(patient(t), s.config(), signedImage(t, 100, host.BoardID, 2), silent)
	if !errors.Is(err, turnstile.ErrLaneInUse) || hint.Of(err) == "" {
		t.Errorf("in an alarm: %v", err)
	}
}

// TestUpdateOSDPKilled: a device that loses its power in the middle runs what it
// did, and takes the image afterwards.
func TestUpdateOSDPKilled(t *testing.T) {
	flash := filepath.Join(t.TempDir(), "flash")
	line := func() string { return "unix:" + filepath.Join(t.TempDir(), "line") }
	s := startSim(t, line(), "--flash", flash, "--version", "1")
	image := signedImage(t, 20_000, host.BoardID, 2)
	ctx := patient(t)
	short, cancel := context.WithCancel(ctx)
	defer cancel()
	if _, err := turnstile.UpdateOSDP(short, s.config(), image, func(p turnstile.UpdateProgress) {
		if p.Sent > 7000 {
			s.stop()
			cancel() // it would wait for the device's return
		}
	}); !errors.Is(err, context.Canceled) {
		t.Fatalf("a device without power: %v", err)
	}
	s = startSim(t, line(), "--flash", flash)
	if p, err := turnstile.ProbeOSDP(ctx, s.config()); err != nil || p.Firmware != "0.0.1" {
		t.Errorf("it runs %s, %v", p.Firmware, err)
	}
	if r, err := turnstile.UpdateOSDP(ctx, s.config(), image, silent); err != nil || r.After != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestUpdateOSDPOnBadLine: noise costs time.
func TestUpdateOSDPOnBadLine(t *testing.T) {
	s := slotted(t)
	cfg := s.config()
	path := strings.TrimPrefix(s.url, "unix:")
	cfg = cfg.Over(func() (net.Conn, error) {
		conn, err := net.Dial("unix", path)
		return &bad{Conn: conn, r: rand.New(rand.NewPCG(3, 3))}, err
	})
	r, err := turnstile.UpdateOSDP(patient(t), cfg, signedImage(t, 5000, host.BoardID, 2), silent)
	if err != nil || r.After != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}

// bad is a connection that flips a bit in 2,000 bytes of what is sent.
type bad struct {
	net.Conn

	r *rand.Rand
}

func (b *bad) Write(p []byte) (int, error) {
	p = append([]byte(nil), p...)
	for i := range p {
		if b.r.IntN(2000) == 0 {
			p[i] ^= 1 << b.r.IntN(8)
		}
	}
	return b.Conn.Write(p)
}
