package stage

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/con-ting/conting/firmware/emulator"
	"github.com/con-ting/conting/firmware/emulator/rig"
	"github.com/con-ting/conting/firmware/lane"
)

// stride is how long a person keeps each of the lane's sensors as it is. The
// machine plays everybody at once: what is shorter could go unseen.
const stride = 100 * time.Millisecond

// settling is how long a controller may take to do what its sensors call for.
const settling = 30 * time.Second

// turnstileAddress is the controller's on its line.
const turnstileAddress = 1

// ErrMissing means that this machine lacks what a kind of turnstile needs.
var ErrMissing = emulator.ErrMissing

// ErrPower means that the turnstile's power is cut.
var ErrPower = errors.New("the turnstile has no power")

// Turnstile is what stands in a gate's lane: the controller with its firmware, on a
// board that is made of software, and the people who move its rotor and cross its
// beams. Its methods are safe for concurrent use, but one person walks at a time.
type Turnstile struct {
	// Cable is the line between the gate and the controller.
	Cable *Cable

	key   string // file with the key that both ends have
	dir   string // of the socket: a short path
	power func(context.Context) (board, error)

	mu    sync.Mutex // guards board
	board board      // nil while the power is cut
}

// board is where a controller runs.
type board interface {
	set(ctx context.Context, pin lane.Inputs, high bool) error

	// levels reads the outputs.
	levels(ctx context.Context) (lane.Outputs, error)

	// mark is a place in the stream of changes of the outputs.
	mark() int

	// await returns when the outputs first fitted after mark.
	await(ctx context.Context, mark int, fits func(lane.Outputs) bool) (time.Time, error)

	// close cuts the power.
	close() error
}

// starter starts a board with a key, whose line is the socket line. It is called again
// after each power cut.
type starter func(ctx context.Context, t *Turnstile, key [16]byte, line string) (board, error)

// newTurnstile makes the key and the line, and starts the controller.
func (s *Stage) newTurnstile(ctx context.Context, name string, power starter) (*Turnstile, error) {
	t := &Turnstile{}
	if err := t.install(ctx, s.Dir, name, power); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

func (t *Turnstile) install(ctx context.Context, dir, name string, power starter) (err error) {
	if t.dir, err = os.MkdirTemp("", "lane"); err != nil {
		return err
	}
	var key [16]byte
	if _, err := rand.Read(key[:]); err != nil {
		return err
	}
	if t.key, err = filepath.Abs(filepath.Join(dir, "turnstile-"+name+".scbk")); err != nil {
		return err
	}
	if err := os.WriteFile(t.key, []byte(hex.EncodeToString(key[:])+"\n"), 0o600); err != nil {
		return err
	}
	line := "unix:" + filepath.Join(t.dir, "line")
	t.power = func(ctx context.Context) (board, error) { return power(ctx, t, key, line) }
	if t.Cable, err = NewCable(ctx, line); err != nil {
		return err
	}
	return t.PowerOn(ctx)
}

// PowerOn starts the controller. What it must remember it remembers.
func (t *Turnstile) PowerOn(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.board != nil {
		return errors.New("the turnstile has power")
	}
	b, err := t.power(ctx)
	if err != nil {
		return err
	}
	t.board = b
	return nil
}

// PowerOff cuts the controller's power: its locks fall, and it forgets whom it was
// letting through.
func (t *Turnstile) PowerOff() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.board == nil {
		return ErrPower
	}
	b := t.board
	t.board = nil
	return b.close()
}

// Close takes the turnstile away. It may be called twice.
func (t *Turnstile) Close() {
	_ = t.PowerOff() // it may have none
	if t.Cable != nil {
		t.Cable.Close()
	}
	_ = os.RemoveAll(t.dir)
}

func (t *Turnstile) running() (board, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.board == nil {
		return nil, ErrPower
	}
	return t.board, nil
}

// toml is the gate's configuration for this turnstile.
func (t *Turnstile) toml() string {
	return fmt.Sprintf("[turnstile]\nurl = \"tcp://%s\"\naddress = %d\nscbk = %q\n", t.Cable.Addr(), turnstileAddress, t.key)
}

// Walk has somebody walk in, once the lane lets them.
func (t *Turnstile) Walk(ctx context.Context) error { return t.enter(ctx, rig.Through(lane.In)) }

// TurnBack has somebody go in, once the lane lets them, and come back out.
func (t *Turnstile) TurnBack(ctx context.Context) error { return t.enter(ctx, rig.Back(lane.In)) }

// StepIn has somebody go in, once the lane lets them, and stay in the rotor.
func (t *Turnstile) StepIn(ctx context.Context) error {
	return t.enter(ctx, rig.Through(lane.In)[:inRotor])
}

// StepOut has who stepped in go on to the other side.
func (t *Turnstile) StepOut(ctx context.Context) error {
	return t.move(ctx, rig.Through(lane.In)[inRotor:])
}

// inRotor is after how many steps somebody stands in the rotor.
const inRotor = 3

// Push has somebody turn the rotor though it is held, and hold it there.
func (t *Turnstile) Push(ctx context.Context) error {
	return t.move(ctx, []rig.Step{{Pin: lane.Home}})
}

// LetGo has them let it go.
func (t *Turnstile) LetGo(ctx context.Context) error {
	return t.move(ctx, []rig.Step{{Pin: lane.Home, High: true}})
}

// Fire opens the building's release loop, and closes it again with false.
func (t *Turnstile) Fire(ctx context.Context, alarm bool) error {
	return t.move(ctx, []rig.Step{{Pin: lane.LoopClosed, High: !alarm}})
}

// enter moves somebody once the way in is open.
func (t *Turnstile) enter(ctx context.Context, steps []rig.Step) error {
	if err := t.Open(ctx); err != nil {
		return fmt.Errorf("the lane does not open: %w", err)
	}
	return t.move(ctx, steps)
}

func (t *Turnstile) move(ctx context.Context, steps []rig.Step) error {
	b, err := t.running()
	if err != nil {
		return err
	}
	for _, s := range steps {
		if err := b.set(ctx, s.Pin, s.High); err != nil {
			return err
		}
		select {
		case <-time.After(stride):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Open waits until the way in is open.
func (t *Turnstile) Open(ctx context.Context) error { return t.Await(ctx, lane.HoldA, 0) }

// Held waits until both ways are held.
func (t *Turnstile) Held(ctx context.Context) error { return t.Await(ctx, lane.Hold, lane.Hold) }

// Alarm waits until the lane sounds.
func (t *Turnstile) Alarm(ctx context.Context) error { return t.Await(ctx, lane.Buzzer, lane.Buzzer) }

// Await waits until the outputs under mask are as wanted: at once where they are.
func (t *Turnstile) Await(ctx context.Context, mask, want lane.Outputs) error {
	b, err := t.running()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	mark := b.mark()
	now, err := b.levels(ctx)
	if err != nil || now&mask == want {
		return err
	}
	_, err = b.await(ctx, mark, func(o lane.Outputs) bool { return o&mask == want })
	return err
}

// Mark is a place in the stream of changes of the outputs: see [Turnstile.Opened].
// It is 0 while the power is cut.
func (t *Turnstile) Mark() int {
	b, err := t.running()
	if err != nil {
		return 0
	}
	return b.mark()
}

// Opened waits for the lock of the way in to fall and returns when it did, after
// mark.
func (t *Turnstile) Opened(ctx context.Context, mark int) (time.Time, error) {
	return t.fell(ctx, mark, lane.HoldA)
}

// Freed waits for both locks to fall and returns when the last did, after mark.
func (t *Turnstile) Freed(ctx context.Context, mark int) (time.Time, error) {
	return t.fell(ctx, mark, lane.Hold)
}

func (t *Turnstile) fell(ctx context.Context, mark int, locks lane.Outputs) (time.Time, error) {
	b, err := t.running()
	if err != nil {
		return time.Time{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	return b.await(ctx, mark, func(o lane.Outputs) bool { return o&locks == 0 })
}
