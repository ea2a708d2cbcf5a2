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
		s, err := gather(ctx, u, conf)
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
