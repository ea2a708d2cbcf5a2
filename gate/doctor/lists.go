package doctor

import (
	"context"
	"fmt"
	"time"
)

// StatusList is a registrar's list of the credentials that it took back.
type StatusList struct {
	Issuer string
	URL    string
	Issued time.Time // zero: the gate has none
}

// StatusLists checks how old the lists are that credentials are held against. A
// gate whose trust list names none reads no credentials, and that is well.
type StatusLists struct {
	// Read returns the lists that the trust list names. An error with a method
	// Hint() string brings its own advice.
	Read func(ctx context.Context) ([]StatusList, error)
	Now  func() time.Time
}

// warnList is how old a list may be without a warning: whoever was taken back
// since then still passes.
const warnList = 24 * time.Hour

// Name returns "credentials".
func (StatusLists) Name() string { return "credentials" }

// Look reads the lists.
func (s StatusLists) Look(ctx context.Context) Finding {
	const advice = "bring the gate to its network: central passes the registrars' lists on"
	lists, err := s.Read(ctx)
	if err != nil {
		return Finding{Level: Fail, Found: err.Error(), Advice: adviceOf(err, advice)}
	}
	if len(lists) == 0 {
		return Finding{Found: "no registrar has a status list"}
	}
	now, oldest := s.Now(), lists[0]
	for _, l := range lists {
		if l.Issued.IsZero() {
			return Finding{
				Level: Warn, Found: fmt.Sprintf("no status list of %s: its credentials are refused here", l.Issuer), Advice: advice,
			}
		}
		if l.Issued.Before(oldest.Issued) {
			oldest = l
		}
	}
	old := now.Sub(oldest.Issued)
	f := Finding{Found: fmt.Sprintf("status lists: %d, the oldest is that of %s, %s old", len(lists), oldest.Issuer, old.Round(time.Second))}
	if old > warnList {
		f.Level, f.Advice = Warn, advice
	}
	return f
}
