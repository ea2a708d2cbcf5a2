package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/con-ting/conting/firmware/lane"
)

// The names that controller-sim gives its pins, by bit.
var (
	inputNames  = [...]string{"home", "clear_a", "clear_b", "loop_closed", "cover_closed", "power_good", "key_turned"}
	outputNames = [...]string{"hold_a", "hold_b", "green_a", "red_a", "green_b", "red_b", "buzzer", "ready"}
)

// simulated is the controller as a process of this machine, whose pins are words.
type simulated struct {
	process *Process
	input   io.WriteCloser
	up      chan struct{} // closed when it listens
	once    sync.Once     // closes up
	answers chan string   // "ok" or what is wrong

	asking sync.Mutex // one command at a time

	mu      sync.Mutex // guards what follows
	now     lane.Outputs
	edges   []edge
	changed chan struct{} // closed and replaced at each edge
}

// edge is a change of the outputs.
type edge struct {
	outputs lane.Outputs
	at      time.Time
}

// Simulate makes a turnstile whose controller is the same as on the board, as a
// process of this machine. Where that is not built the error wraps [ErrMissing].
func (s *Stage) Simulate(ctx context.Context, name string) (*Turnstile, error) {
	if err := there(s.command("controller-sim")); err != nil {
		return nil, err
	}
	memory := filepath.Join(s.Dir, "turnstile-"+name+".memory")
	return s.newTurnstile(ctx, name, func(ctx context.Context, t *Turnstile, _ [16]byte, line string) (board, error) {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		defer func() { _ = r.Close() }()
		b := &simulated{input: w, up: make(chan struct{}), answers: make(chan string, 1), changed: make(chan struct{})}
		b.process, err = Start(ctx, s.Dir, "turnstile-"+name, s.command("controller-sim"), r, b.line,
			"--listen", line, "--scbk", t.key, "--address", strconv.Itoa(turnstileAddress), "--memory", memory)
		if err != nil {
			return nil, errors.Join(err, w.Close())
		}
		if err := b.begin(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("turnstile %s: %w; its log is %s: %s", name, err, b.process.Log, tail(b.process.Log)), b.close())
		}
		return b, nil
	})
}

// begin waits until the controller listens, and learns of its outputs from then on.
func (b *simulated) begin(ctx context.Context) error {
	select {
	case <-b.up:
	case <-b.process.Done():
		return errEnded
	case <-ctx.Done():
		return ctx.Err()
	}
	for _, command := range []string{"watch", "get"} {
		if err := b.do(ctx, command); err != nil {
			return err
		}
	}
	return nil
}

var errEnded = errors.New("controller-sim has ended")

// line takes one line of the process.
func (b *simulated) line(text []byte) {
	at := time.Now()
	word, rest, _ := strings.Cut(string(text), " ")
	switch word {
	case "listening":
		b.once.Do(func() { close(b.up) })
	case "outputs":
		b.learn(outputsOf(rest), at)
	case "ok", "error":
		select {
		case b.answers <- string(text):
		default: // nobody asked
		}
	}
}

func (b *simulated) learn(o lane.Outputs, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = o
	b.edges = append(b.edges, edge{o, at})
	close(b.changed)
	b.changed = make(chan struct{})
}

// outputsOf reads "hold_a=1 hold_b=0 …".
func outputsOf(text string) (o lane.Outputs) {
	for i, name := range outputNames {
		if strings.Contains(" "+text+" ", " "+name+"=1 ") {
			o |= 1 << i
		}
	}
	return o
}

// do has the process obey one command.
func (b *simulated) do(ctx context.Context, command string) error {
	b.asking.Lock()
	defer b.asking.Unlock()
	if _, err := io.WriteString(b.input, command+"\n"); err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	select {
	case answer := <-b.answers:
		if answer != "ok" {
			return fmt.Errorf("%s: %s", command, answer)
		}
		return nil
	case <-b.process.Done():
		return fmt.Errorf("%s: %w", command, errEnded)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *simulated) set(ctx context.Context, pin lane.Inputs, high bool) error {
	level := 0
	if high {
		level = 1
	}
	return b.do(ctx, fmt.Sprintf("set %s %d", inputNames[bits.TrailingZeros8(uint8(pin))], level))
}

func (b *simulated) levels(context.Context) (lane.Outputs, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now, nil
}

func (b *simulated) mark() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.edges)
}

func (b *simulated) await(ctx context.Context, mark int, fits func(lane.Outputs) bool) (time.Time, error) {
	for {
		b.mu.Lock()
		changed, now := b.changed, b.now
		for ; mark < len(b.edges); mark++ {
			if e := b.edges[mark]; fits(e.outputs) {
				b.mu.Unlock()
				return e.at, nil
			}
		}
		b.mu.Unlock()
		select {
		case <-changed:
		case <-b.process.Done():
			return time.Time{}, errEnded
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("wait for outputs, they are %08b: %w", now, ctx.Err())
		}
	}
}

// close kills the process.
func (b *simulated) close() error {
	err := b.process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	return errors.Join(err, b.input.Close())
}
