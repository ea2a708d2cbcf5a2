package main

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/con-ting/conting/gate/doctor"
	"github.com/con-ting/conting/gate/identity"
)

// readHoldings reads what the gate knows, for doctor.
func (a *app) readHoldings(conf *config, idErr error) func(context.Context) ([]doctor.Holdings, error) {
	return func(ctx context.Context) ([]doctor.Holdings, error) {
		if idErr != nil {
			return nil, idErr
		}
		if _, err := os.Stat(conf.database()); errors.Is(err, fs.ErrNotExist) {
			return a.noHoldings(conf)
		}
		u, err := a.peek(ctx, conf)
		if err != nil {
			return nil, err
		}
		s, err := gather(ctx, u, conf, a.now())
		if err = errors.Join(err, u.store.Close()); err != nil {
			return nil, diskError(err)
		}
		out := make([]doctor.Holdings, 0, len(s.Events))
		for _, e := range s.Events {
			h := doctor.Holdings{
				Event: e.Event, Version: e.Set, Tickets: int(e.Tickets), Delta: e.Delta, Unacked: s.Journal.Entries - s.Journal.Acked,
			}
			if e.Heard != nil {
				h.Fresh = *e.Heard
			}
			if e.Expires != nil {
				h.Expires = *e.Expires
			}
			out = append(out, h)
		}
		return out, nil
	}
}

// readLists reads how old the status lists of credentials are, for doctor.
func (a *app) readLists(conf *config, idErr error) func(context.Context) ([]doctor.StatusList, error) {
	return func(ctx context.Context) ([]doctor.StatusList, error) {
		if idErr != nil {
			return nil, idErr
		}
		if _, err := os.Stat(conf.database()); errors.Is(err, fs.ErrNotExist) {
			return nil, nil // a gate that has never run: the set's check says so
		}
		u, err := a.peek(ctx, conf)
		if err != nil {
			return nil, err
		}
		lists, err := u.statusLists(ctx, a.now())
		if err = errors.Join(err, u.store.Close()); err != nil {
			return nil, diskError(err)
		}
		if _, err := u.keys(); err != nil {
			return nil, err // no issuer counts any more
		}
		out := make([]doctor.StatusList, 0, len(lists))
		for _, l := range lists {
			d := doctor.StatusList{Issuer: l.Issuer, URL: l.URL}
			if l.Issued != nil {
				d.Issued = *l.Issued
			}
			out = append(out, d)
		}
		return out, nil
	}
}

// noHoldings is what a gate holds that has never run.
func (a *app) noHoldings(conf *config) ([]doctor.Holdings, error) {
	id, err := identity.Load(conf.identityDir(), a.now)
	if err != nil {
		return nil, err
	}
	out := make([]doctor.Holdings, 0, 1)
	for _, e := range id.Events() {
		out = append(out, doctor.Holdings{Event: e.String()})
	}
	return out, nil
}
