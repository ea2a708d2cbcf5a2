package turnstile_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/turnstile"
	"github.com/con-ting/conting/testdata/pty"
)

// board is a relay board that speaks Modbus RTU (V1.02): an independent other end.
type board struct {
	mu     sync.Mutex // guards all below
	coils  [8]bool
	inputs [8]bool
	writes []string
	mute   bool // takes requests and says nothing
	obeys  bool // and does what they say all the same
	refuse bool // answers writes with exception 2
}

// crc is that of Modbus over serial line, section 6.2.2.
func crc(b []byte) uint16 {
	sum := uint16(0xffff)
	for _, c := range b {
		sum ^= uint16(c)
		for range 8 {
			low := sum & 1
			if sum >>= 1; low != 0 {
				sum ^= 0xa001
			}
		}
	}
	return sum
}

// serve answers requests of eight bytes, which all of ours have.
func (b *board) serve(line io.ReadWriter) {
	request := make([]byte, 8)
	for {
		if _, err := io.ReadFull(line, request); err != nil {
			return
		}
		if binary.LittleEndian.Uint16(request[6:]) != crc(request[:6]) || request[0] != 7 {
			continue
		}
		if answer := b.answer(request); answer != nil {
			answer = binary.LittleEndian.AppendUint16(answer, crc(answer))
			if _, err := line.Write(answer); err != nil {
				return
			}
		}
	}
}

func (b *board) answer(q []byte) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	at, n := int(binary.BigEndian.Uint16(q[2:])), int(binary.BigEndian.Uint16(q[4:]))
	exception := []byte{q[0], q[1] | 0x80, 2}
	read := func(from []bool) []byte {
		if at+n > len(from) {
			return exception
		}
		out := make([]byte, (n+7)/8)
		for i, on := range from[at : at+n] {
			if on {
				out[i/8] |= 1 << (i % 8)
			}
		}
		return append([]byte{q[0], q[1], byte(len(out))}, out...)
	}
	var answer []byte
	switch q[1] {
	case 1:
		answer = read(b.coils[:])
	case 2:
		answer = read(b.inputs[:])
	case 5:
		if b.refuse {
			return exception
		}
		if !b.mute || b.obeys {
			b.coils[at] = n == 0xff00
			b.writes = append(b.writes, fmt.Sprintf("%d %v", at, n == 0xff00))
		}
		answer = append([]byte(nil), q[:6]...)
	}
	if b.mute {
		return nil
	}
	return answer
}

func (b *board) set(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

// coil waits until a coil is as wanted.
func (b *board) coil(t *testing.T, n int, on bool) {
	t.Helper()
	eventually(t, fmt.Sprintf("coil %d is %v", n, on), func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.coils[n] == on
	})
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

var wiring = turnstile.Wiring{
	Unlock: [2]turnstile.Pin{turnstile.In: {Line: 2, Wired: true}, turnstile.Out: {Line: 3, Wired: true, Inverted: true}},
	Passed: [2]turnstile.Pin{turnstile.In: {Line: 1, Wired: true}, turnstile.Out: {Line: 4, Wired: true}},
	Ready:  turnstile.Pin{Line: 5, Wired: true},
	Fire:   turnstile.Pin{Line: 6, Wired: true, Inverted: true},
}

// peace is how that turnstile's inputs are while nothing happens.
func peace() *board { return &board{inputs: [8]bool{5: true, 6: true}} }

// onBoard is a lane on a board at an address.
func onBoard(t *testing.T, url string) *turnstile.Wired {
	t.Helper()
	open, err := turnstile.Modbus(turnstile.ModbusConfig{URL: url, Unit: 7, Poll: 10 * time.Millisecond, Wiring: wiring})
	if err != nil {
		t.Fatal(err)
	}
	w, err := turnstile.NewWired(t.Context(), turnstile.WiresConfig{Open: open, Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// granted asks until the lane serves.
func granted(t *testing.T, w turnstile.Lane, g turnstile.Grant) {
	t.Helper()
	eventually(t, "a grant is accepted", func() bool { return w.Grant(t.Context(), g) == nil })
}

// next reads the lane's next event.
func next(t *testing.T, w turnstile.Lane, want string) {
	t.Helper()
	select {
	case e := <-w.Events():
		if got := fmt.Sprintf("%d %s", e.Grant, e.Kind); got != want {
			t.Fatalf("event %q, want %q", got, want)
		}
	case <-time.After(time.Minute):
		t.Fatalf("no event, want %q", want)
	}
}

func TestModbusRTU(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ttyRS485")
	line, err := pty.Plug(path)
	if err != nil {
		t.Skipf("SKIPPED: no pseudo-terminal here: %v", err)
	}
	defer line.Unplug() //nolint:errcheck // the end of the test
	b := peace()
	go b.serve(line.Engine)
	w := onBoard(t, "rtu://"+path)
	granted(t, w, turnstile.Grant{ID: 1})
	b.coil(t, 3, true) // inverted: energised is locked
	next(t, w, "1 armed")
	b.coil(t, 2, false) // the pulse is over
	b.set(func() { b.inputs[1] = true })
	next(t, w, "1 passed")
	b.set(func() { b.inputs[6] = false })
	next(t, w, "0 free")
	b.set(func() { b.inputs[6] = true })
	next(t, w, "0 ready")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	b.set(func() {
		if got := strings.Join(b.writes, ", "); !strings.Contains(got, "2 false, 3 true, 2 true, 2 false") {
			t.Errorf("coils were written %q", got)
		}
	})
}

// onTCP serves boards one connection after the other, as serial servers do.
func onTCP(t *testing.T, b *board) (url string, cut func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex // guards conn
	var conn net.Conn
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conn = c
			mu.Unlock()
			b.serve(c)
		}
	}()
	cut = func() {
		mu.Lock()
		defer mu.Unlock()
		if conn != nil {
			_ = conn.Close()
		}
	}
	t.Cleanup(func() {
		_ = l.Close()
		cut()
	})
	return "rtuovertcp://" + l.Addr().String(), cut
}

func TestModbusCut(t *testing.T) {
	b := peace()
	url, cut := onTCP(t, b)
	w := onBoard(t, url)
	granted(t, w, turnstile.Grant{ID: 1})
	next(t, w, "1 armed")
	cut()
	next(t, w, "1 fault")
	next(t, w, "0 ready")
	granted(t, w, turnstile.Grant{ID: 2})
	next(t, w, "2 armed")
}

// A board that falls silent ends what was under way, and is found again.
func TestModbusSilent(t *testing.T) {
	b := peace()
	url, _ := onTCP(t, b)
	w := onBoard(t, url)
	granted(t, w, turnstile.Grant{ID: 1, Timeout: turnstile.MaxTimeout})
	next(t, w, "1 armed")
	b.set(func() { b.mute, b.obeys = true, true })
	next(t, w, "1 fault")
	b.set(func() { b.mute = false })
	next(t, w, "0 ready")
	b.coil(t, 2, false)
}

// A board that refuses has not switched.
func TestModbusRefused(t *testing.T) {
	b := peace()
	url, _ := onTCP(t, b)
	open, err := turnstile.Modbus(turnstile.ModbusConfig{URL: url, Unit: 7, Wiring: wiring})
	if err != nil {
		t.Fatal(err)
	}
	wires, err := open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer wires.Close() //nolint:errcheck // the end of the test
	b.set(func() { b.refuse = true })
	if err := wires.Unlock(t.Context(), turnstile.In, true); err == nil || errors.Is(err, turnstile.ErrInDoubt) {
		t.Errorf("refused: %v, want an error without doubt", err)
	}
	b.set(func() { b.refuse, b.mute = false, true })
	if err := wires.Unlock(t.Context(), turnstile.In, true); !errors.Is(err, turnstile.ErrInDoubt) {
		t.Errorf("silent: %v, want ErrInDoubt", err)
	}
}

func TestModbusConfig(t *testing.T) {
	good := turnstile.ModbusConfig{URL: "tcp://127.0.0.1:502", Wiring: wiring}
	if _, err := turnstile.Modbus(good); err != nil {
		t.Fatal(err)
	}
	far := wiring
	far.Fire.Line = 5000
	twice := wiring
	twice.Alarm = twice.Ready
	one := wiring
	one.Unlock[turnstile.Out] = turnstile.Pin{Line: 2, Wired: true}
	for name, spoil := range map[string]func(*turnstile.ModbusConfig){
		"no scheme":     func(c *turnstile.ModbusConfig) { c.URL = "/dev/ttyUSB0" },
		"unit":          func(c *turnstile.ModbusConfig) { c.Unit = 248 },
		"poll":          func(c *turnstile.ModbusConfig) { c.Poll = time.Millisecond },
		"parity":        func(c *turnstile.ModbusConfig) { c.Parity = "mark" },
		"no output":     func(c *turnstile.ModbusConfig) { c.Wiring.Unlock = [2]turnstile.Pin{} },
		"one output":    func(c *turnstile.ModbusConfig) { c.Wiring = one },
		"far apart":     func(c *turnstile.ModbusConfig) { c.Wiring = far },
		"input is both": func(c *turnstile.ModbusConfig) { c.Wiring = twice },
	} {
		bad := good
		spoil(&bad)
		if _, err := turnstile.Modbus(bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestParsePin(t *testing.T) {
	for text, want := range map[string]turnstile.Pin{
		"":       {},
		"0":      {Wired: true},
		"17":     {Line: 17, Wired: true},
		"!4":     {Line: 4, Wired: true, Inverted: true},
		"65535":  {Line: 65535, Wired: true},
		"!65535": {Line: 65535, Wired: true, Inverted: true},
	} {
		if got, err := turnstile.ParsePin(text); err != nil || got != want {
			t.Errorf("ParsePin(%q) = %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"!", "-1", "65536", "gpio4", "4!", " 4", "!!4"} {
		if got, err := turnstile.ParsePin(text); !errors.Is(err, turnstile.ErrWiring) {
			t.Errorf("ParsePin(%q) = %+v, %v, want ErrWiring", text, got, err)
		}
	}
}
