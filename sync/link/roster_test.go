package link

import (
	"errors"
	"testing"
	"time"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func TestRosterPrefersTheFirst(t *testing.T) {
	r := newRoster(3, 100*time.Millisecond, 10*time.Second)
	r.random = func() float64 { return 0 }
	want := func(now time.Time, at int) {
		t.Helper()
		if i, wait := r.next(now); i != at {
			t.Errorf("next = %d, wait %s; want %d", i, wait, at)
		}
	}
	want(noon, 0)
	r.failed(0, noon)
	want(noon, 1)
	r.failed(1, noon)
	want(noon, 2)
	r.failed(2, noon)
	if i, wait := r.next(noon); i != -1 || wait != 50*time.Millisecond {
		t.Errorf("next = %d, wait %s; want to wait 50ms for any", i, wait)
	}
	want(noon.Add(50*time.Millisecond), 0)
	r.good(2)
	want(noon, 2)
}

func TestRosterBacksOff(t *testing.T) {
	r := newRoster(1, 100*time.Millisecond, 10*time.Second)
	r.random = func() float64 { return 0.999999 }
	var last time.Duration
	for i := range 20 {
		r.failed(0, noon)
		_, wait := r.next(noon)
		if wait < last || wait > 10*time.Second {
			t.Errorf("failure %d: pause %s after %s, want growth up to 10s", i, wait, last)
		}
		last = wait
	}
	if last < 9*time.Second {
		t.Errorf("longest pause %s, want about 10s", last)
	}
	r.random = func() float64 { return 0 }
	r.failed(0, noon)
	if _, wait := r.next(noon); wait != 5*time.Second {
		t.Errorf("pause with the least jitter %s, want half of the longest", wait)
	}
	r.good(0)
	r.failed(0, noon)
	if _, wait := r.next(noon); wait != 50*time.Millisecond {
		t.Errorf("pause after a good connection %s, want the first again", wait)
	}
}

// packets is a stream that a broker may send: CONNACK, SUBACK, PINGRESP, PUBLISH.
var packets = []byte{0x20, 2, 0, 0, 0x90, 3, 0, 1, 0, 0xd0, 0, 0x30, 0x80, 0x01}

func stream() []byte { return append(append([]byte(nil), packets...), make([]byte, 128)...) }

func TestFrame(t *testing.T) {
	for name, tt := range map[string]struct {
		in   []byte
		good bool
	}{
		"usual packets":               {stream(), true},
		"nothing":                     {nil, true},
		"largest packet":              {append([]byte{0x30, 0x80 | maxPacket&0x7f, 0x80 | maxPacket>>7&0x7f, maxPacket >> 14}, make([]byte, maxPacket)...), true},
		"one byte more":               {[]byte{0x30, 0x80 | (maxPacket+1)&0x7f, 0x80 | (maxPacket+1)>>7&0x7f, (maxPacket + 1) >> 14}, false},
		"length without end":          {[]byte{0x30, 0x80, 0x80, 0x80, 0x80}, false},
		"256 MiB":                     {[]byte{0x30, 0xff, 0xff, 0xff, 0x7f}, false},
		"reserved type":               {[]byte{0x00, 0x00}, false},
		"message at QoS 1":            {[]byte{0x32, 5, 0, 1, 't', 0, 1}, true},
		"message at QoS 2":            {[]byte{0x34, 5, 0, 1, 't', 0, 1}, false},
		"message at QoS 3":            {[]byte{0x36, 5, 0, 1, 't', 0, 1}, false},
		"release with QoS bits":       {[]byte{0x62, 2, 0, 1}, true},
		"subscription answer of two":  {[]byte{0x90, 4, 0, 1, 0, 0}, false},
		"subscription answer of none": {[]byte{0x90, 2, 0, 1}, false},
	} {
		var f frame
		if err := f.follow(tt.in); (err == nil) != tt.good || err != nil && !errors.Is(err, errProtocol) {
			t.Errorf("%s: follow(%.20x…) = %v, want good: %v", name, tt.in, err, tt.good)
		}
	}
}

// FuzzFrame: where the stream is cut into reads makes no difference.
func FuzzFrame(f *testing.F) {
	f.Add(stream(), 3)
	f.Add([]byte{0x30, 0xff, 0xff, 0xff, 0x7f}, 1)
	f.Add([]byte{0x90, 4, 0, 1, 0, 0}, 2)
	f.Fuzz(func(t *testing.T, data []byte, step int) {
		if step < 1 {
			return
		}
		var whole, parts frame
		want := whole.follow(data)
		var got error
		for rest := data; len(rest) > 0 && got == nil; {
			n := min(step, len(rest))
			got, rest = parts.follow(rest[:n]), rest[n:]
		}
		if (got == nil) != (want == nil) {
			t.Errorf("%x in steps of %d: %v, at once: %v", data, step, got, want)
		}
		if got == nil && parts != whole {
			t.Errorf("%x in steps of %d: %+v, at once: %+v", data, step, parts, whole)
		}
	})
}

func TestInboxIsBounded(t *testing.T) {
	b := newInbox(3, 100)
	for i := range 5 {
		got := b.put(Message{Topic: "t", Payload: make([]byte, 10)})
		if want := uint64(max(0, i-2)); got != want {
			t.Errorf("message %d: %d dropped, want %d", i, got, want)
		}
	}
	b = newInbox(100, 100)
	if b.put(Message{Payload: make([]byte, 60)}) != 0 || b.put(Message{Payload: make([]byte, 60)}) != 1 || b.put(Message{Payload: make([]byte, 40)}) != 0 {
		t.Errorf("bytes are not bounded: %d waiting", b.bytes.Load())
	}
}

func TestResendSlowsDown(t *testing.T) {
	for tries, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 4: 8 * time.Second, 50: 8 * time.Second} {
		if got := (sent{at: noon, tries: tries}).due(time.Second); !got.Equal(noon.Add(want)) {
			t.Errorf("after %d tries an item is due after %s, want %s", tries, got.Sub(noon), want)
		}
	}
}

// A will of the connection before must never look as new as the next birth, even
// if both come in one millisecond or the clock was set back.
func TestEpochGrows(t *testing.T) {
	now := noon
	l := &Link{cfg: Config{Now: func() time.Time { return now }}}
	var last uint64
	for _, step := range []time.Duration{0, 0, time.Microsecond, time.Second, -time.Hour, 0} {
		now = now.Add(step)
		e := l.nextEpoch()
		if e <= last {
			t.Errorf("after a step of %s: epoch %d, want more than %d", step, e, last)
		}
		last = e
	}
	if want := uint64(noon.Add(time.Second).UnixMilli()) + 2; last != want {
		t.Errorf("epoch %d, want %d: the greatest time, and one for each connection since", last, want)
	}
}
