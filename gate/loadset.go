package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/trust"
)

func loadSetCommand() *subcommand {
	return &subcommand{
		name: "load-set", args: "FILE", summary: "load a ticket set from a file, a USB stick for instance",
		detail: `
The file holds the same signed bytes that come over the network. It takes effect
only when all of it has been verified; broken off, it goes on where it stopped.
It may run beside a running gate, which takes the new set at once.

  gate load-set /media/usb/event-1001.set`,
		run: func(ctx context.Context, a *app, c *call) error {
			if err := c.Want(1, 1); err != nil {
				return err
			}
			conf, err := c.load()
			if err != nil {
				return err
			}
			f, err := os.Open(c.Rest[0])
			if err != nil {
				return hint.Errorf("is the stick mounted?", "%w", err)
			}
			u, err := a.unlock(ctx, &conf)
			if err != nil {
				return errors.Join(err, f.Close())
			}
			ring, err := u.keys()
			if err == nil {
				l := &loader{app: a, store: u.store, ring: ring, events: u.id.Events()}
				err = setError(l.load(ctx, f))
			}
			return errors.Join(err, u.store.Close(), f.Close())
		},
	}
}

// loader takes the sections of a set file into the store.
type loader struct {
	app    *app
	store  *store.Store
	ring   *trust.Keyring
	events []ticket.EventID // the events that this device was enrolled for

	manifest *ticketset.Manifest
	staging  *store.Staging // nil while the set of the file is in force already
	missing  map[int]bool   // chunks
	deltas   int            // applied
}

func (l *loader) load(ctx context.Context, r io.Reader) error {
	var deltas [][]byte
	size := 0
	err := ticketset.ReadFile(r, func(s ticketset.Section) error {
		if s.Kind != ticketset.SectionDelta {
			return l.take(ctx, s)
		}
		// Deltas take effect at once, so that they wait until the file is read.
		if size += len(s.Data); size > maxDeltas {
			return fmt.Errorf("more than %d bytes of deltas: %w", maxDeltas, ticketset.ErrTooLarge)
		}
		deltas = append(deltas, append([]byte(nil), s.Data...))
		return nil
	})
	if err != nil {
		return err
	}
	if l.staging != nil {
		if err := l.staging.Switch(ctx); err != nil {
			return err
		}
	}
	for _, raw := range deltas {
		if err := l.delta(ctx, raw); err != nil {
			return err
		}
	}
	if err := l.store.Sweep(ctx); err != nil {
		return err
	}
	return l.report(ctx)
}

// maxDeltas bounds the deltas of a file that are held in memory.
const maxDeltas = 64 << 20

func (l *loader) take(ctx context.Context, s ticketset.Section) error {
	switch s.Kind {
	case ticketset.SectionManifest:
		return l.begin(ctx, append([]byte(nil), s.Data...))
	case ticketset.SectionRules:
		if l.staging == nil || !l.staging.Missing().Rules {
			return nil
		}
		return l.staging.Rules(ctx, s.Data)
	case ticketset.SectionStatus:
		if l.staging == nil || !l.staging.Missing().Status {
			return nil
		}
		return l.staging.Status(ctx, s.Data)
	case ticketset.SectionChunk:
		if l.staging == nil || !l.missing[s.Index] {
			return nil
		}
		if err := l.staging.Chunk(ctx, s.Index, s.Data); err != nil {
			return err
		}
		return l.progress(s.Index + 1)
	case ticketset.SectionDelta: // kept by load
	}
	return nil
}

// begin verifies the manifest and stages its set.
func (l *loader) begin(ctx context.Context, raw []byte) error {
	var wrong error
	for _, e := range l.events {
		m, err := ticketset.OpenManifest(l.ring, e, raw, l.app.now())
		if errors.Is(err, ticketset.ErrWrongEvent) {
			wrong = err
			continue
		}
		if err != nil {
			return err
		}
		l.manifest = m
		break
	}
	if l.manifest == nil {
		return wrong
	}
	staging, err := l.store.Stage(ctx, l.manifest, raw)
	if errors.Is(err, ticketset.ErrKnown) {
		return nil // the deltas behind it may be news
	}
	if err != nil {
		return err
	}
	l.staging, l.missing = staging, map[int]bool{}
	for _, n := range staging.Missing().Chunks {
		l.missing[n] = true
	}
	return nil
}

func (l *loader) delta(ctx context.Context, raw []byte) error {
	d, err := ticketset.OpenDelta(l.ring, l.manifest.Event, raw, l.app.now())
	if err != nil {
		return err
	}
	_, err = l.store.ApplyDelta(ctx, d, ticketset.Hash(raw))
	if errors.Is(err, ticketset.ErrKnown) {
		return nil
	}
	if err == nil {
		l.deltas++
	}
	return err
}

// progress says how far it is, on standard error.
func (l *loader) progress(done int) error {
	all := len(l.manifest.Chunks)
	if done%10 != 0 && done != all {
		return nil
	}
	_, err := fmt.Fprintf(l.app.err, "gate: load-set: %d of %d chunks\n", done, all)
	return err
}

func (l *loader) report(ctx context.Context) error {
	state, err := l.store.SetState(ctx, l.manifest.Event)
	if err != nil {
		return err
	}
	what := "loaded"
	if l.staging == nil {
		what = "was loaded already:"
	}
	_, err = fmt.Fprintf(l.app.out, "%s event %s version %d, %d tickets, %d new deltas up to %d\n",
		what, l.manifest.Event, state.Version, state.Total, l.deltas, state.Delta.Seq)
	return err
}

// setError says what to do about a set that was not taken.
func setError(err error) error {
	if err == nil {
		return nil
	}
	what := ""
	switch {
	case errors.Is(err, ticketset.ErrExpired):
		what = "export a newer set from central; if this one is new, check the clock with gate doctor"
	case errors.Is(err, ticketset.ErrRollback):
		what = "this gate has a newer set already; nothing was changed"
	case errors.Is(err, ticketset.ErrForked):
		what = "two sets claim the same version: stop, and ask the organiser which central is the real one"
	case errors.Is(err, ticketset.ErrWrongEvent):
		what = "this device was enrolled for another event"
	case errors.Is(err, trust.ErrUnknownKey), errors.Is(err, trust.ErrBadSignature), errors.Is(err, trust.ErrWrongRole):
		what = "this file was not signed by this organiser; if keys were changed, connect the gate once to get the new trust list"
	case errors.Is(err, ticketset.ErrGap):
		what = "the file lacks deltas: export it again"
	case errors.Is(err, ticketset.ErrMalformed), errors.Is(err, ticketset.ErrAltered), errors.Is(err, io.ErrUnexpectedEOF):
		what = "the file is damaged: copy it again; the gate goes on with the set it has"
	default:
		return fmt.Errorf("load set: %w", diskError(err))
	}
	return hint.Errorf(what, "load set: %w", err)
}
