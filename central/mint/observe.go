package mint

import "time"

// Observer hears what an operator's dashboard shows. Its methods are called from the
// worker's goroutines and must return at once.
type Observer interface {
	// Balance says what the fee payer has, in lamports, and whether that is too little:
	// below the alarm's mark, or for what is to be done.
	Balance(lamports uint64, low bool)

	// Ended says that an action was finalized, failed or dropped, so long after it was
	// opened, and how often it was signed.
	Ended(kind Kind, state State, took time.Duration, attempts int)

	// Backlog says how many actions were worked on in a round, and how long ago the
	// oldest of them was opened.
	Backlog(actions int, oldest time.Duration)

	// Trouble says that a part of the work could not be done, and is tried again: a
	// stable word for what.
	Trouble(what string)

	// Differences says how many differences a walk over all tokens has found.
	Differences(n int)
}

// Status is what an administrator's page shows of a worker. It is zero at a central
// where none runs.
type Status struct {
	Running    bool
	Payer      string // address of the fee payer, base58
	Authority  string
	Balance    uint64 // of the payer, in lamports, when it was last asked for
	Low        bool
	Asked      time.Time // when that was
	Trouble    string    // what could not be done last; empty while all goes well
	Reconciled time.Time // when the last walk over all tokens ended
	Checked    int       // tokens in it
	Different  int       // of them
}

// Status returns how the worker fares.
func (w *Worker) Status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.status
	s.Payer, s.Authority = w.roles.Payer.String(), w.roles.Authority.String()
	return s
}

type nobody struct{}

func (nobody) Balance(uint64, bool)                  {}
func (nobody) Ended(Kind, State, time.Duration, int) {}
func (nobody) Backlog(int, time.Duration)            {}
func (nobody) Trouble(string)                        {}
func (nobody) Differences(int)                       {}
