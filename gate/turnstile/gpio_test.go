package turnstile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// header is a row of pins of no machine. It stands in for the kernel's character
// device, which no test machine has; what go-gpiocdev makes of ours is not proved here.
type header struct {
	mu     sync.Mutex // guards all below
	level  map[int]bool
	log    []string
	tell   func(edge)
	deaf   bool // edges are lost
	gone   error
	opened int
	closed int
}

func (h *header) open(_ GPIOConfig, outputs map[int]bool, _ []int, tell func(edge)) (lines, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.opened++
	if h.gone != nil {
		return nil, h.gone
	}
	for line, high := range outputs {
		h.level[line] = high
	}
	h.tell = tell
	return &openHeader{h}, nil
}

type openHeader struct{ *header }

func (h *openHeader) set(line int, high bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.level[line] = high
	h.log = append(h.log, fmt.Sprintf("%d=%v", line, high))
	return h.gone
}

func (h *openHeader) levels() ([]bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []bool
	for _, line := range pinned.inputs() {
		out = append(out, h.level[line])
	}
	return out, h.gone
}

func (h *openHeader) close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed++
	return nil
}

// at is a line's level.
func (h *header) at(line int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.level[line]
}

// drive sets an input's level.
func (h *header) drive(line int, high bool) {
	h.mu.Lock()
	h.level[line] = high
	tell, deaf := h.tell, h.deaf
	h.mu.Unlock()
	if !deaf {
		tell(edge{line: line, high: high})
	}
}

var pinned = Wiring{
	Unlock: [2]Pin{In: {Line: 17, Wired: true}, Out: {Line: 18, Wired: true, Inverted: true}},
	Passed: [2]Pin{In: {Line: 22, Wired: true, Inverted: true}},
	Fire:   Pin{Line: 23, Wired: true, Inverted: true},
}

func onHeader(t *testing.T) (*Wired, *header) {
	t.Helper()
	h := &header{level: map[int]bool{22: true, 23: true}}
	open, err := gpio(GPIOConfig{Chip: "gpiochip0", Wiring: pinned}, h.open)
	if err != nil {
		t.Fatal(err)
	}
	w, err := NewWired(t.Context(), WiresConfig{Open: open, Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	synctest.Wait()
	return w, h
}

func told(w *Wired) string {
	var got []string
	for {
		synctest.Wait()
		select {
		case e := <-w.Events():
			got = append(got, fmt.Sprintf("%d %s", e.Grant, e.Kind))
		default:
			return strings.Join(got, ", ")
		}
	}
}

func TestGPIO(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, h := onHeader(t)
		if h.at(17) || !h.at(18) {
			t.Error("an output is energised before anything happened")
		}
		for id, lost := range []bool{false, true} { // an edge that the kernel dropped is found within a second
			h.mu.Lock()
			h.deaf = lost
			h.mu.Unlock()
			if err := w.Grant(t.Context(), Grant{ID: uint64(id + 1)}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if !h.at(17) {
				t.Error("the output is not energised")
			}
			time.Sleep(250 * time.Millisecond)
			h.drive(22, false)
			time.Sleep(time.Second)
			h.drive(22, true)
			time.Sleep(time.Second)
			if got, want := told(w), fmt.Sprintf("%[1]d armed, %[1]d passed", id+1); got != want {
				t.Errorf("events %q, want %q", got, want)
			}
		}
		h.mu.Lock()
		h.deaf = false
		h.mu.Unlock()
		h.drive(23, false) // the loop opens
		h.drive(23, true)
		if got := told(w); got != "0 free, 0 ready" {
			t.Errorf("events %q", got)
		}
	})
}

// A pulse shorter than anybody looks is an edge all the same.
func TestGPIOShortPulse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, h := onHeader(t)
		h.drive(22, false)
		h.drive(22, true)
		if got := told(w); got != "0 forced" {
			t.Errorf("events %q, want one passage", got)
		}
	})
}

func TestGPIOFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, h := onHeader(t)
		h.mu.Lock()
		h.gone = errors.New("no such device")
		h.mu.Unlock()
		time.Sleep(2 * time.Second)
		if got := told(w); got != "0 fault" {
			t.Errorf("events %q, want a fault", got)
		}
		if err := w.Grant(t.Context(), Grant{ID: 1}); !errors.Is(err, ErrFault) {
			t.Errorf("Grant = %v, want ErrFault", err)
		}
		h.mu.Lock()
		h.gone = nil
		h.mu.Unlock()
		time.Sleep(10 * time.Second)
		if got := told(w); got != "0 ready" {
			t.Errorf("events %q, want ready", got)
		}
		_ = w.Close()
		if h.opened-1 < h.closed || h.closed < 2 || h.level[17] || !h.level[18] {
			t.Errorf("opened %d times, closed %d; outputs %v, want locked", h.opened, h.closed, h.level)
		}
	})
}

// A burst of edges that nobody takes loses none of the levels in the end.
func TestGPIOBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, h := onHeader(t)
		for range 500 {
			h.drive(22, false)
			h.drive(22, true)
		}
		h.drive(23, false)
		time.Sleep(2 * time.Second)
		if got := told(w); !strings.HasSuffix(got, "0 free") {
			t.Errorf("events end with %q, want the fire", got[max(0, len(got)-30):])
		}
	})
}

func TestGPIOConfig(t *testing.T) {
	good := GPIOConfig{Chip: "gpiochip0", Wiring: pinned}
	both := pinned
	both.Ready = Pin{Line: 17, Wired: true}
	for name, spoil := range map[string]func(*GPIOConfig){
		"no chip":  func(c *GPIOConfig) { c.Chip = "" },
		"debounce": func(c *GPIOConfig) { c.Debounce = time.Second },
		"bias":     func(c *GPIOConfig) { c.Bias = "up" },
		"both":     func(c *GPIOConfig) { c.Wiring = both },
		"wiring":   func(c *GPIOConfig) { c.Wiring = Wiring{} },
	} {
		bad := good
		spoil(&bad)
		if _, err := GPIO(bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	open, err := GPIO(GPIOConfig{Chip: "/dev/gpiochip-of-no-machine", Wiring: pinned})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(context.Background()); err == nil || !strings.Contains(err.Error(), "gpiochip-of-no-machine") {
		t.Errorf("a chip that is not there: %v", err)
	}
	if got := pinned.inputs(); !slices.Equal(got, []int{22, 23}) || pinned.Blind() != [2]bool{Out: true} {
		t.Errorf("inputs %v, blind %v: the way out reports no passage", got, pinned.Blind())
	}
}
