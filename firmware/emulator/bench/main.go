// Command bench measures the controller's image in the emulator and prints one
// line for each figure:
//
//	bench: NAME p50=X p95=X p99=X n=N
//
// The emulated processor is not slowed to its real speed, and its serial line is
// a socket that takes no time: the figures say what the software costs on a
// machine like this one. At 115200 baud a secured poll and its answer alone take
// 2.4 ms, an order and its outcome 8.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"time"

	"github.com/con-ting/conting/firmware/emulator"
	"github.com/con-ting/conting/firmware/emulator/rig"
	"github.com/con-ting/conting/firmware/lane"
	"github.com/con-ting/conting/firmware/osdp"
)

// limit bounds the whole run.
const limit = 5 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, w io.Writer) error {
	if len(args) != 1 {
		return errors.New("usage: bench IMAGE")
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b := bench{w: w, image: args[0], dir: dir}
	for _, f := range []func(context.Context) error{b.boots, b.lane, b.size} {
		if err := f(ctx); err != nil {
			return err
		}
	}
	return nil
}

type bench struct {
	w          io.Writer
	image, dir string
}

// boots measures from the start of QEMU to the first answer.
func (b bench) boots(ctx context.Context) error {
	var s series
	for range 20 {
		start := time.Now()
		l, err := rig.Open(ctx, b.image, b.dir)
		if err != nil {
			return err
		}
		// Without a key, it asks for ID first and repeats until it is answered.
		err = l.Attach(ctx, func(c *osdp.CPConfig) { c.Key, c.ReplyMS = [16]byte{}, 20 })
		if err == nil {
			err = l.Noticed(ctx, osdp.Heard)
		}
		s = append(s, time.Since(start))
		if err := errors.Join(err, l.Close()); err != nil {
			return fmt.Errorf("boot: %w", err)
		}
	}
	return s.print(b.w, "boot_to_first_reply_ms")
}

func (b bench) lane(ctx context.Context) error {
	l, err := rig.Open(ctx, b.image, b.dir)
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	if err := l.Ready(ctx); err != nil {
		return err
	}
	for _, m := range []struct {
		name string
		n    int
		once func(context.Context, *rig.Lane, uint32) (time.Duration, error)
	}{
		{"secured_poll_ms", 500, exchange},
		{"grant_to_lock_ms", 200, grant},
		{"fire_to_lock_ms", 50, fire},
		{"home_to_passed_ms", 100, passage},
	} {
		var s series
		for i := range m.n {
			d, err := m.once(ctx, l, uint32(len(m.name)*1000+i))
			if err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			s = append(s, d)
		}
		if err := s.print(b.w, m.name); err != nil {
			return err
		}
	}
	return nil
}

// exchange is a secured command without data and its answer without news: a poll,
// submitted so that its own time is seen.
func exchange(ctx context.Context, l *rig.Lane, _ uint32) (time.Duration, error) {
	start := time.Now()
	_, err := l.Do(ctx, osdp.CmdKeepActive, nil)
	return time.Since(start), err
}

// grant is from the order to the edge of the lock's pin.
func grant(ctx context.Context, l *rig.Lane, id uint32) (time.Duration, error) {
	mark, start := l.Board.Mark(), time.Now()
	if err := l.Grant(ctx, id, lane.In); err != nil {
		return 0, err
	}
	e, err := l.Await(ctx, mark, without(lane.HoldA))
	if err != nil {
		return 0, err
	}
	if _, err := l.Order(ctx, lane.Command{Op: lane.RevokeOne, Grant: id}); err != nil {
		return 0, err
	}
	return e.At.Sub(start), l.AwaitLevel(ctx, uint8(lane.HoldA), uint8(lane.HoldA))
}

// fire is from the moment the loop opens to the edge of the last lock's pin.
func fire(ctx context.Context, l *rig.Lane, _ uint32) (time.Duration, error) {
	mark, start := l.Board.Mark(), time.Now()
	if err := l.Move(ctx, lane.LoopClosed, false); err != nil {
		return 0, err
	}
	e, err := l.Await(ctx, mark, without(lane.Hold))
	if err != nil {
		return 0, err
	}
	if err := l.Move(ctx, lane.LoopClosed, true); err != nil {
		return 0, err
	}
	return e.At.Sub(start), l.AwaitLevel(ctx, uint8(lane.Hold), uint8(lane.Hold))
}

// passage is from the moment the rotor is home to the event at the panel: the
// debouncing and half a poll of 5 ms are in it.
func passage(ctx context.Context, l *rig.Lane, id uint32) (time.Duration, error) {
	events := l.Panel.Mark()
	if err := l.Grant(ctx, id, lane.In); err != nil {
		return 0, err
	}
	if err := l.AwaitLevel(ctx, uint8(lane.HoldA), 0); err != nil {
		return 0, err
	}
	steps := rig.Through(lane.In)
	const home = 4
	if err := l.Walk(ctx, steps[:home]); err != nil {
		return 0, err
	}
	start := time.Now()
	if err := l.Set(ctx, 0, true); err != nil {
		return 0, err
	}
	if _, err := l.Happened(ctx, events, lane.Passed); err != nil {
		return 0, err
	}
	d := time.Since(start)
	return d, l.Walk(ctx, steps[home+1:])
}

func without(o lane.Outputs) func(emulator.Edge) bool {
	return func(e emulator.Edge) bool { return !e.Reset && lane.Outputs(e.Outputs)&o == 0 }
}

func (b bench) size(context.Context) error {
	flash, ram, err := emulator.Size(b.image)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(b.w, "bench: flash_bytes p50=%d\nbench: ram_bytes p50=%d\n", flash, ram)
	return err
}

// series is one figure measured many times.
type series []time.Duration

func (s series) percentile(p int) time.Duration {
	return s[max(0, (len(s)*p+99)/100-1)]
}

// print writes the figure's one line, in milliseconds.
func (s series) print(w io.Writer, name string) error {
	slices.Sort(s)
	ms := func(d time.Duration) string {
		return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 3, 64)
	}
	_, err := fmt.Fprintf(w, "bench: %s p50=%s p95=%s p99=%s n=%d\n",
		name, ms(s.percentile(50)), ms(s.percentile(95)), ms(s.percentile(99)), len(s))
	return err
}
