package surge

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// The steps of a [Queue].
const (
	stepEnter = iota
	stepPoll
)

// QueueConfig is a crowd that stands in an event's queue.
type QueueConfig struct {
	URL    string // as in [Config]; the requests name its host
	Event  ticket.EventID
	People int
	Seed   uint64

	// Account is the id of a person's account; nil makes 32 hexadecimal digits out of Seed. The queue
	// asks no register, so that nobody needs to exist.
	Account func(person int) string

	// Access makes an access token for an account. Called for each enter, from many goroutines.
	Access func(account string) (token string, expires time.Time)

	// Work makes the proof that a room may ask for; nil where none is due. It is called once for each
	// person, before the surge: whoever comes has done it.
	Work func(account string) (proof string, err error)

	// Enters is how often everybody enters, 1 or more: the same place must come back each time. The others
	// follow the first within three seconds. One person in Again enters once more than that; 0 for nobody.
	Enters int
	Again  int

	// Polls is how often everybody asks after that; negative for as long as the surge lasts.
	Polls int

	// Interval is how long people wait between polls; zero means as long as the server says.
	Interval time.Duration
}

// Queue is that [Crowd]. It keeps what every person was told, and compares.
type Queue struct {
	cfg    QueueConfig
	people []person

	enterHead, pollHead []byte

	admitted, anew, changed, grew, refused atomic.Int64
}

// person is written by whoever has the person in hand.
type person struct {
	token    []byte
	work     string
	number   int64
	position int64
	begun    time.Duration // when the first attempt to enter was sent
	done     time.Duration // when the place came
	enters   int           // that are still to be made
	polls    int
	flags    uint8
}

const (
	hasBegun = 1 << iota
	isAdmitted
	shallEnter
)

// steps.
var queueSteps = [...]string{stepEnter: "enter", stepPoll: "poll"}

// NewQueue makes the crowd.
func NewQueue(cfg QueueConfig) (*Queue, error) {
	u, err := url.Parse(cfg.URL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("surge: %w", err)
	case cfg.Access == nil || cfg.Enters < 1 || cfg.Again < 0 || cfg.People < 1 || cfg.People > MaxPeople || u.Host == "":
		return nil, errors.New("surge: a host, access tokens, people and one enter or more are required")
	}
	if cfg.Account == nil {
		cfg.Account = func(i int) string { return Account(cfg.Seed, i) }
	}
	path := "/v1/events/" + cfg.Event.String() + "/queue HTTP/1.1\r\nHost: " + u.Host
	q := &Queue{
		cfg: cfg, people: make([]person, cfg.People),
		enterHead: []byte("POST " + path + "\r\nAuthorization: Bearer "),
		pollHead:  []byte("GET " + path + "\r\nQueue-Token: "),
	}
	for i := range q.people {
		p := &q.people[i]
		p.enters, p.polls, p.flags = cfg.Enters, cfg.Polls, shallEnter
		if cfg.Again > 0 && i%cfg.Again == 0 {
			p.enters++
		}
		if cfg.Work != nil {
			if p.work, err = cfg.Work(cfg.Account(i)); err != nil {
				return nil, fmt.Errorf("surge: %w", err)
			}
		}
	}
	return q, nil
}

// Account is the id that a person of a seed has where nobody is registered.
func Account(seed uint64, person int) string {
	b := binary.BigEndian.AppendUint64([]byte("conting/surge/account\x00"), seed)
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(b, uint64(person))) //nolint:gosec // no arithmetic
	return hex.EncodeToString(sum[:16])
}

// Steps implements [Crowd].
func (q *Queue) Steps() []string { return queueSteps[:] }

// Ask implements [Crowd].
func (q *Queue) Ask(i int, b []byte) ([]byte, int) {
	p := &q.people[i]
	if p.flags&shallEnter == 0 {
		return q.AskPoll(i, b), stepPoll
	}
	token, _ := q.cfg.Access(q.cfg.Account(i)) // made each time: it may be long until they enter again
	b = append(b, q.enterHead...)
	b = append(b, token...)
	if p.work == "" {
		return append(b, "\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"...), stepEnter
	}
	b = fmt.Appendf(b, "\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", len(`{"work":""}`)+len(p.work))
	return fmt.Appendf(b, `{"work":"%s"}`, p.work), stepEnter
}

// AskPoll appends the request by which a person asks where they stand.
func (q *Queue) AskPoll(i int, b []byte) []byte {
	b = append(b, q.pollHead...)
	b = append(b, q.people[i].token...)
	return append(b, "\r\n\r\n"...)
}

// Hear implements [Crowd].
func (q *Queue) Hear(i int, a *Answer) (time.Duration, bool) {
	p := &q.people[i]
	if a.Step == stepEnter && p.flags&hasBegun == 0 {
		p.flags |= hasBegun
		p.begun = a.Sent
	}
	switch {
	case !a.OK():
		return q.failed(i, a)
	case a.Step == stepEnter:
		return q.entered(i, a)
	default:
		return q.polled(i, a)
	}
}

// failed decides what somebody does who was not answered, or not as they hoped.
func (q *Queue) failed(i int, a *Answer) (time.Duration, bool) {
	p := &q.people[i]
	wait := max(a.RetryAfter, time.Second) + jitter(i, a.Done, time.Second)
	switch {
	case passing(a):
		return wait, true
	case a.Step == stepPoll && a.Status != 404: // the place is gone, or its token is too old
		q.anewly(p)
		return jitter(i, a.Done, time.Second), true
	}
	q.refused.Add(1)
	return 0, false
}

// place is what the queue says of somebody.
type place struct {
	Token    string `json:"token"`
	State    string `json:"state"`
	Reason   string `json:"reason"` // of having left
	Number   int64  `json:"number"`
	Position int64  `json:"position"`
	RetryMS  int64  `json:"retry_ms"`
}

func (q *Queue) entered(i int, a *Answer) (time.Duration, bool) {
	p := &q.people[i]
	var at place
	if err := json.Unmarshal(a.Body, &at); err != nil || at.Token == "" {
		q.refused.Add(1)
		return 0, false
	}
	switch {
	case p.number == 0:
		p.number, p.done = at.Number, a.Done
	case at.Number != 0 && at.Number != p.number:
		q.changed.Add(1)
	}
	p.token = append(p.token[:0], at.Token...)
	p.enters--
	if p.enters > 0 { // a double click, another browser
		return jitter(i, a.Done, 3*time.Second), true
	}
	p.flags &^= shallEnter
	return q.next(i, at.State, at.Reason, at.Position, at.RetryMS)
}

func (q *Queue) polled(i int, a *Answer) (time.Duration, bool) {
	p := &q.people[i]
	p.polls--
	position, _ := member(a.Body, "position")
	retry, _ := member(a.Body, "retry_ms")
	if n, ok := member(a.Body, "number"); ok && p.number == 0 {
		p.number = n
	}
	if token := text(a.Body, "token"); len(token) > 0 { // it carries how far the line was
		p.token = append(p.token[:0], token...)
	}
	return q.next(i, string(text(a.Body, "state")), string(text(a.Body, "reason")), position, retry)
}

// next decides what somebody does who knows where they stand.
func (q *Queue) next(i int, state, reason string, position, retryMS int64) (time.Duration, bool) {
	p := &q.people[i]
	wait := q.cfg.Interval
	if wait == 0 {
		wait = time.Duration(retryMS) * time.Millisecond
	}
	switch state {
	case "admitted":
		if p.flags&isAdmitted == 0 {
			p.flags |= isAdmitted
			q.admitted.Add(1)
		}
		return 0, false
	case "closed":
		return 0, false
	case "left":
		if reason != "silent" { // or they went of their own will, or had their turn
			return 0, false
		}
		q.anewly(p)
		return wait, p.polls != 0
	}
	if p.position != 0 && position > p.position {
		q.grew.Add(1)
	}
	p.position = position
	return max(wait, 10*time.Millisecond), p.polls != 0
}

// anewly has somebody enter whose place is gone. What they get then is no older promise broken.
func (q *Queue) anewly(p *person) {
	p.flags = p.flags&^hasBegun | shallEnter
	p.enters, p.number, p.position = max(p.enters, 1), 0, 0
	q.anew.Add(1)
}

// jitter spreads what would otherwise come together. The same surge spreads it the same way.
func jitter(i int, at, within time.Duration) time.Duration {
	x := uint64(i)*0x9e3779b97f4a7c15 ^ uint64(at) //nolint:gosec // mixing bits
	x ^= x >> 29
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 32
	return time.Duration(x % uint64(within)) //nolint:gosec // less than within
}
