package uplink

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/con-ting/conting/gate/admit"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/topic"
)

// leases is what central said of the sessions in which codes are shown. It lives
// in memory only: a restart is older than every session that still counts.
type leases struct {
	now, steady func() time.Time
	connected   atomic.Bool // kept by Run

	mu    sync.Mutex // guards pages; the pages themselves never change
	pages map[ticket.EventID]*[ticketset.LeasePages]heardPage
}

// heardPage is one page and when it came, by the steady clock.
type heardPage struct {
	*ticketset.LeasePage
	at time.Time
}

// Lease says how a session fares, from memory and at once. A session that central
// once called lapsed stays so while the page is kept. That one is live counts only
// with a connection and while the page is younger than [ticketset.LeaseStale], by
// the time in it and by when it came: whoever withholds pages or replays old ones
// gains no more than a cut cable.
func (u *Uplink) Lease(event ticket.EventID, id [8]byte) admit.LeaseState {
	return u.leases.state(event, id)
}

func (l *leases) state(event ticket.EventID, id [8]byte) admit.LeaseState {
	l.mu.Lock()
	var p heardPage
	if pages := l.pages[event]; pages != nil {
		p = pages[ticketset.LeasePageOf(id)]
	}
	l.mu.Unlock()
	switch {
	case p.LeasePage == nil:
		return admit.LeaseUnknown
	case p.Lapsed.Has(id):
		return admit.LeaseLapsed
	case l.connected.Load() && l.fresh(p) && p.Live.Has(id):
		return admit.LeaseLive
	}
	return admit.LeaseUnknown
}

// fresh reports whether a page still says who is alive. A gate whose clock is
// behind central's sees an age below zero; then the steady clock alone tells.
func (l *leases) fresh(p heardPage) bool {
	return l.now().Sub(time.UnixMilli(p.Issued)) <= ticketset.LeaseStale && l.steady().Sub(p.at) <= ticketset.LeaseStale
}

// keep puts a page in the place of an older one.
func (l *leases) keep(p *ticketset.LeasePage) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	pages := l.pages[p.Event]
	if pages == nil {
		pages = new([ticketset.LeasePages]heardPage)
		l.pages[p.Event] = pages
	}
	old := pages[p.Page]
	if err := p.Follows(old.LeasePage); err != nil {
		return err
	}
	pages[p.Page] = heardPage{LeasePage: p, at: l.steady()}
	return nil
}

// takeLeases takes a page of central's sessions.
func (u *Uplink) takeLeases(_ context.Context, n topic.Name, raw []byte) error {
	k, err := u.keyring()
	if err != nil {
		return err
	}
	p, err := ticketset.OpenLeasePage(k, n.Event, raw, u.cfg.Now())
	if err != nil {
		return err
	}
	if uint64(p.Page) != n.Number {
		return fmt.Errorf("lease page %d on the topic of %d: %w", p.Page, n.Number, ticketset.ErrMalformed)
	}
	if err := u.leases.keep(p); err != nil && !errors.Is(err, ticketset.ErrKnown) {
		return err
	}
	return nil
}
