// Package lane is one lane at work: frames come in at one end, and a person goes
// through at the other.
//
//	frame → text → pass → what is known → proof → rules → claim on the disk → grant → passage → settled
//
// It joins the rooms that do the steps and knows them only by what they do. The
// order is its own: nothing opens before the claim and its journal entry are on
// the disk, and every doubt about what the lane did counts as an entry that was
// used. A code that nobody can read, a disk that fails or a turnstile that jams
// ends in a verdict on the screen, never in a lane that has stopped.
//
// It trusts what its ports return and nothing that a camera sees.
//
// Three goroutines belong to [Lane.Run] and end with it: the eye waits for frames
// and decodes them; the desk decides, one text after the other, and owns all
// state; the clerk writes what became of each passage, so that a slow disk after
// one person never holds up the next.
package lane

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/con-ting/conting/gate/turnstile"
	"github.com/con-ting/conting/sync/pass"
)

// The budgets of a lane.
const (
	// DecisionBudget is how long a decision may take, from the frame to the
	// lane's answer. One that took longer is counted and logged, not withdrawn.
	DecisionBudget = 150 * time.Millisecond

	// LookupTimeout and WriteTimeout bound the disk. What is late is a storage
	// fault.
	LookupTimeout = 500 * time.Millisecond
	WriteTimeout  = 2 * time.Second

	// CommandTimeout bounds the turnstile's acceptance of a grant.
	CommandTimeout = time.Second

	// MaxGranted is how many people may be on their way through at once: the one
	// in the lane and the one behind. Nobody is read before there is room.
	MaxGranted = 2

	// silence is how long past its time-out a grant may stay without an end
	// before the lane's word is no longer awaited.
	silence = 5 * time.Second
)

// ErrBusy is returned by [Lane.Scan] while [MaxGranted] people are on their way.
var ErrBusy = errors.New("lane is busy")

// Config holds the rooms of a lane. All fields are required unless they say
// otherwise.
type Config struct {
	// Name is what the journal and the screens call the lane.
	Name string

	// Camera and Decoder are nil for a lane that is only fed by [Lane.Scan].
	Camera  Camera
	Decoder Decoder

	Judge     *Judge
	Ledger    Ledger
	Turnstile Turnstile
	Clock     Clock

	// GrantTimeout is how long the turnstile stays armed. Zero means
	// [turnstile.DefaultTimeout].
	GrantTimeout time.Duration

	// Observers are told what happens. May be empty.
	Observers []Observer

	Logger *slog.Logger

	// Now is a monotonic clock, for durations and time-outs only.
	Now func() time.Time
}

// Lane is one lane. Its exported methods are safe for concurrent use.
type Lane struct {
	cfg      Config
	readings chan reading
	clerk    chan Settlement
	settled  chan Settlement // from the clerk to the desk
	stopped  chan struct{}   // closed when Run has returned

	turn    atomic.Int64 // Unix nanoseconds of the desk's last turn
	looking atomic.Int64 // the same of the beginning of the search of a frame; 0 between two

	// The rest is owned by the desk.
	memory    memory
	strangers strangers
	granted   []granted
	number    uint64
	parts     pass.Assembler // of the presentation that is being shown
	told      Progress       // what was last said of it
	age       shownAge
	referrals []referral // oldest first
}

// granted is a person on their way through.
type granted struct {
	result Result
	until  time.Time // when the lane's silence counts as an answer
}

// New checks the configuration.
func New(_ context.Context, cfg Config) (*Lane, error) {
	switch {
	case cfg.Name == "":
		return nil, errors.New("lane without a name")
	case cfg.Judge == nil || cfg.Ledger == nil || cfg.Turnstile == nil || cfg.Clock == nil:
		return nil, errors.New("lane needs a judge, a ledger, a turnstile and a clock")
	case (cfg.Camera == nil) != (cfg.Decoder == nil):
		return nil, errors.New("lane needs a camera and a decoder, or neither")
	case cfg.Logger == nil || cfg.Now == nil:
		return nil, errors.New("lane needs a logger and a monotonic clock")
	case cfg.GrantTimeout < 0 || cfg.GrantTimeout > turnstile.MaxTimeout:
		return nil, errors.New("lane with an impossible grant time-out")
	}
	if cfg.GrantTimeout == 0 {
		cfg.GrantTimeout = turnstile.DefaultTimeout
	}
	l := &Lane{
		cfg:      cfg,
		readings: make(chan reading),
		clerk:    make(chan Settlement, 64),
		settled:  make(chan Settlement, 64),
		stopped:  make(chan struct{}),
		memory:   newMemory(),
	}
	l.turn.Store(cfg.Now().UnixNano())
	return l, nil
}

// Heartbeat returns when the lane was last seen to move: the desk's last turn,
// which comes every second with nothing to do, or the beginning of the search of
// a frame that is still going on, if that is earlier. A lane whose heartbeat lies
// many seconds back decides no more.
func (l *Lane) Heartbeat() time.Time {
	beat := l.turn.Load()
	if since := l.looking.Load(); since != 0 {
		beat = min(beat, since)
	}
	return time.Unix(0, beat)
}

// Run works until the context ends. It is called once. Who is on their way
// through then is settled as flagged: nobody can say any more whether they passed.
func (l *Lane) Run(ctx context.Context) error {
	defer close(l.stopped)
	var work sync.WaitGroup
	if l.cfg.Camera != nil {
		work.Go(func() { l.watch(ctx) })
	}
	work.Go(func() { l.write(ctx) })
	l.decide(ctx)
	work.Wait()
	return nil
}

// Patience returns how long after the last reading everybody on their way through
// has come to an end and a disk that works has been told: the turnstile serves
// them one after the other, and the desk looks for one that fell silent once a
// second.
func (l *Lane) Patience() time.Duration {
	return MaxGranted*l.cfg.GrantTimeout + silence + time.Second + 2*WriteTimeout
}

// Scan decides about a text that came without a picture: from a scan engine, a
// keyboard or a test. It returns what was decided, once the observers have heard
// it; for a code that is still being shown, the earlier result with Repeat set.
// The error wraps [ErrBusy] or the context's.
func (l *Lane) Scan(ctx context.Context, text string) (Result, error) {
	now := l.cfg.Now()
	return l.ask(ctx, reading{texts: []string{text}, frame: now, read: now, answer: make(chan answer, 1)})
}

// ask hands a reading to the desk and waits for its answer.
func (l *Lane) ask(ctx context.Context, r reading) (Result, error) {
	select {
	case l.readings <- r:
	case <-ctx.Done():
		return Result{}, ctx.Err()
	case <-l.stopped:
		return Result{}, context.Canceled
	}
	select {
	case a := <-r.answer:
		return a.result, a.err
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
}

func (l *Lane) tell(say func(Observer)) {
	for _, o := range l.cfg.Observers {
		say(o)
	}
}
