package queue

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// State is where a person stands.
type State uint8

// The states. Left is also whoever gave their place up by staying silent beyond the
// grace or by letting their admission pass: [Place.Reason] says which. Who has left
// may enter anew, at the end.
const (
	Lobby    State = 1 + iota // before the opening: everybody is the same
	Waiting                   // in the line
	Admitted                  // may buy
	Skipped                   // was passed over in silence; is let in next, now that they are back
	Left                      // has no place any more
	Closed                    // nobody is admitted any more
)

// String returns the state's name in the API.
func (s State) String() string {
	if s < Lobby || s > Closed {
		return "unknown"
	}
	return [...]string{"lobby", "waiting", "admitted", "skipped", "left", "closed"}[s-1]
}

// Reasons of [Left].
const (
	ReasonLeft    = "left"    // they said so
	ReasonSilent  = "silent"  // passed over, and not back within the grace
	ReasonExpired = "expired" // admitted, and the time is over
)

// Place is what a person is told.
type Place struct {
	State    State
	Reason   string // of Left; otherwise empty
	Number   uint32 // order of arrival
	Position uint32 // 1 is next; 0 where there is none: not Waiting
	People   uint32 // who wait altogether, silent ones included
	Token    Token  // to be shown the next time
	Opens    time.Time

	// Retry is when to ask again; who does not counts as silent after a while.
	Retry time.Duration

	// Earliest and Latest are when the position's turn comes, by the measured rate;
	// both zero while that is not known.
	Earliest, Latest time.Time

	// Admission lets an admitted person buy until Expires.
	Admission AdmissionToken
	Expires   time.Time
}

// Ahead is how many stand before a waiting person.
func (p *Place) Ahead() uint32 { return p.Position - min(p.Position, 1) }

// Poll returns the place of whoever has the token, and notes that they are there.
// The error wraps [ErrNoRoom] or [ErrToken].
func (q *Queue) Poll(event ticket.EventID, token string) (Place, error) {
	r, err := q.room(event)
	if err != nil {
		return Place{}, err
	}
	h, ok := q.tokens.open(event, token)
	if !ok {
		return Place{}, fmt.Errorf("event %s: %w", event, ErrToken)
	}
	return r.place(h, q.now()), nil
}

// standing is what follows for a number from the log alone.
func (r *room) standing(number uint32, now time.Time) (s State, reason string, rank uint32, until time.Time) {
	v := r.shown.Load()
	mark := r.mark.Load() // before everything that a step changes
	fate := r.fate.load(number)
	kind, at := fate>>fateShift, fromSeconds(fate&maxSeconds)
	set := &v.row.Settings
	switch {
	case kind == fateLeft:
		return Left, ReasonLeft, 0, until
	case v.order == nil && set.Closed:
		return Closed, "", 0, until
	case v.order == nil:
		return Lobby, "", 0, until
	}
	if rank = v.order.rank(number); rank > mark {
		if set.Closed {
			return Closed, "", rank, until
		}
		return Waiting, "", rank, until
	}
	switch kind {
	case fateSkipped:
		switch {
		case now.After(at.Add(set.Grace)):
			return Left, ReasonSilent, rank, until
		case set.Closed:
			return Closed, "", rank, until
		}
		return Skipped, "", rank, until
	case fateNone:
		at = r.admittedAt(rank)
	}
	if until = at.Add(set.Admission); now.Before(until) {
		return Admitted, "", rank, until
	}
	return Left, ReasonExpired, rank, until
}

// place is what the token's person is told, who is there.
func (r *room) place(h held, now time.Time) Place {
	set := &r.shown.Load().row.Settings
	mark := max(r.mark.Load(), h.mark)
	p := Place{Number: h.number, Opens: set.Opens, Retry: r.jitter(h.number)}
	var (
		rank  uint32
		until time.Time
	)
	p.State, p.Reason, rank, until = r.standing(h.number, now)
	if last := r.last.Load(); last > mark {
		p.People = last - mark
	}
	switch p.State {
	case Waiting:
		// Somebody whom another central told more has a token that says so.
		p.Position = max(1, rank-min(rank, mark))
		if p.Position <= r.front(set) {
			p.Retry = minRetry
		}
		r.expect(&p, now, set)
	case Skipped:
		p.Retry = minRetry
	case Admitted:
		p.Expires = until
		p.Admission = r.q.tokens.admit(r.event, h.account, h.number, until)
		p.Retry = min(idleRetry, max(minRetry, until.Sub(now)+time.Second))
	case Left, Closed:
		p.Retry = idleRetry
	case Lobby:
	}
	if p.State != Left {
		r.due.store(h.number, seconds(now.Add(p.Retry+set.Silence)))
	}
	h.mark = mark
	p.Token = r.q.tokens.mint(h)
	return p
}

// Bounds of when people are asked to come again.
const (
	minRetry  = 2 * time.Second
	maxRetry  = time.Minute
	idleRetry = 30 * time.Second // who has nothing to wait for
)

// front is how far back the line may move before the crowd asks again.
func (r *room) front(set *Settings) uint32 {
	if set.Paused {
		return 100
	}
	return uint32(max(100, 2*float64(set.Rate)/60*time.Duration(r.retry.Load()).Seconds()))
}

// jitter spreads the crowd: 90 to 110 of a hundred parts, always the same for one
// number.
func (r *room) jitter(number uint32) time.Duration {
	d := time.Duration(r.retry.Load())
	return d*9/10 + d/5*time.Duration(number*2654435761>>22)/1024
}

// expect fills in when the turn comes.
func (r *room) expect(p *Place, now time.Time, set *Settings) {
	fast, slow := math.Float64frombits(r.fast.Load()), math.Float64frombits(r.slow.Load())
	if set.Paused || fast <= 0 || slow <= 0 {
		return
	}
	p.Earliest = now.Add(time.Duration(min(float64(p.Position)/fast, maxWait) * float64(time.Second)))
	p.Latest = now.Add(time.Duration(min(float64(p.Position)/slow, maxWait) * float64(time.Second)))
}

// maxWait is the longest wait that is foretold, in seconds.
const maxWait = 30 * 24 * 3600

// Check lets a sale know whether somebody may begin to buy: nil if the event has no
// waiting room or the admission is theirs, of this event, and not over. Otherwise
// the error wraps [ErrNotAdmitted].
func (q *Queue) Check(_ context.Context, event ticket.EventID, account, admission string) error {
	r, err := q.room(event)
	if err != nil {
		return nil //nolint:nilerr // no room, no door
	}
	id, err := ParseAccount(account)
	if err != nil {
		return fmt.Errorf("event %s, nobody in particular: %w", event, ErrNotAdmitted)
	}
	number, expires, ok := q.tokens.admitted(event, id, admission)
	if !ok || !q.now().Before(expires) || r.fate.load(number)>>fateShift == fateLeft {
		return fmt.Errorf("event %s: %w", event, ErrNotAdmitted)
	}
	return nil
}
