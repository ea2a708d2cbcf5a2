package turnstile

import (
	"slices"
	"sync"
	"time"
)

const (
	// backlog is how many events may wait for a reader before grants are refused.
	backlog = 256
	// linger is how long a closed lane offers each of its last events.
	linger = time.Second
)

// feed numbers a lane's events and hands them to its reader, without ever losing
// one: a driver asks full before it begins what would make more. One goroutine
// delivers, from newFeed until close.
type feed struct {
	now    func() time.Time
	events chan Event
	wake   chan struct{} // cap 1: the pump has something to deliver
	done   chan struct{} // closed by close
	gone   chan struct{} // closed when the pump has returned
	once   sync.Once
	tell   func() // called after the reader has taken an event; may be nil

	// mu guards all fields below.
	mu    sync.Mutex
	seq   uint64
	taken uint64  // the last that the reader has
	queue []Event // not yet taken by the reader
}

func newFeed(now func() time.Time) *feed { return newToldFeed(now, nil) }

func newToldFeed(now func() time.Time, tell func()) *feed {
	f := &feed{
		now: now, events: make(chan Event), wake: make(chan struct{}, 1), done: make(chan struct{}), gone: make(chan struct{}), tell: tell,
	}
	go f.pump()
	return f
}

// progress returns the number of the newest event, and of the newest that the reader has.
func (f *feed) progress() (newest, taken uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seq, f.taken
}

func (f *feed) took(e Event) {
	f.mu.Lock()
	f.taken = e.Seq
	f.mu.Unlock()
	if f.tell != nil {
		f.tell()
	}
}

// emit adds an event; grant is zero for none.
func (f *feed) emit(grant uint64, k Kind) {
	f.mu.Lock()
	f.seq++
	f.queue = append(f.queue, Event{Seq: f.seq, Grant: grant, Kind: k, At: f.now()})
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// full reports that nobody reads.
func (f *feed) full() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.queue) >= backlog
}

// close ends the feed once the reader has taken what was left, or has gone. What is
// emitted afterwards is lost. It may be called more than once.
func (f *feed) close() {
	f.once.Do(func() { close(f.done) })
	<-f.gone
}

func (f *feed) pump() {
	defer close(f.gone)
	defer close(f.events)
	for {
		e, ok := f.next()
		if !ok {
			select {
			case <-f.wake:
				continue
			case <-f.done:
				if e, ok = f.next(); !ok {
					return
				}
			}
		}
		select {
		case f.events <- e:
			f.took(e)
		case <-f.done:
			select {
			case f.events <- e:
				f.took(e)
			case <-time.After(linger):
				return
			}
		}
	}
}

func (f *feed) next() (Event, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.queue) == 0 {
		return Event{}, false
	}
	e := f.queue[0]
	f.queue = slices.Delete(f.queue, 0, 1)
	return e, true
}
