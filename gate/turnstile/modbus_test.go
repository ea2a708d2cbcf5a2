package turnstile_test

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/turnstile"
	"github.com/con-ting/conting/testdata/pty"
	"github.com/con-ting/conting/testdata/relay"
)

// coil waits until a coil is as wanted.
func coil(t *testing.T, b *relay.Board, n int, on bool) {
	t.Helper()
	eventually(t, fmt.Sprintf("coil %d is %v", n, on), func() bool { return b.Coil(n) == on })
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
func peace() *relay.Board {
	b := &relay.Board{Unit: 7}
	b.Input(5, true)
	b.Input(6, true)
	return b
}

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
	go b.Serve(line.Engine)
	w := onBoard(t, "rtu://"+path)
	granted(t, w, turnstile.Grant{ID: 1})
	coil(t, b, 3, true) // inverted: energised is locked
	next(t, w, "1 armed")
	coil(t, b, 2, false) // the pulse is over
	b.Input(1, true)
	next(t, w, "1 passed")
	b.Input(6, false)
	next(t, w, "0 free")
	b.Input(6, true)
	next(t, w, "0 ready")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(b.Writes(), ", "); !strings.Contains(got, "2 false, 3 true, 2 true, 2 false") {
		t.Errorf("coils were written %q", got)
	}
}

// onTCP puts a board behind a serial server.
func onTCP(t *testing.T, b *relay.Board) *relay.Server {
	t.Helper()
	s, err := relay.Listen(b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestModbusCut(t *testing.T) {
	b := peace()
	server := onTCP(t, b)
	w := onBoard(t, server.URL())
	granted(t, w, turnstile.Grant{ID: 1})
	next(t, w, "1 armed")
	if err := server.Cut(); err != nil {
		t.Fatal(err)
	}
	next(t, w, "1 fault")
	next(t, w, "0 ready")
	granted(t, w, turnstile.Grant{ID: 2})
	next(t, w, "2 armed")
}

// A board that falls silent ends what was under way, and is found again.
func TestModbusSilent(t *testing.T) {
	b := peace()
	w := onBoard(t, onTCP(t, b).URL())
	granted(t, w, turnstile.Grant{ID: 1, Timeout: turnstile.MaxTimeout})
	next(t, w, "1 armed")
	b.Silence(true)
	next(t, w, "1 fault")
	b.Silence(false)
	next(t, w, "0 ready")
	coil(t, b, 2, false)
}

// A board that refuses has not switched.
func TestModbusRefused(t *testing.T) {
	b := peace()
	open, err := turnstile.Modbus(turnstile.ModbusConfig{URL: onTCP(t, b).URL(), Unit: 7, Wiring: wiring})
	if err != nil {
		t.Fatal(err)
	}
	wires, err := open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer wires.Close() //nolint:errcheck // the end of the test
	b.Refuse(true)
	if err := wires.Unlock(t.Context(), turnstile.In, true); err == nil || errors.Is(err, turnstile.ErrInDoubt) {
		t.Errorf("refused: %v, want an error without doubt", err)
	}
	b.Refuse(false)
	b.Silence(true)
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
