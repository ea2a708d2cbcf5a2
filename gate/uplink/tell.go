package uplink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/link"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/topic"
)

const (
	noticeCursor = "notices"
	noticeBatch  = 64 // entries read at once

	// retryAfter is when a notice that could not be sent is tried again.
	retryAfter = 2 * time.Second
)

// tell is the goroutine that speaks: notices to the peers as the journal grows,
// and the state. It is apart from Run so that a slow broker never holds up what
// arrives.
func (u *Uplink) tell(ctx context.Context, l Link) {
	every := time.NewTicker(u.cfg.StateEvery)
	defer every.Stop()
	var retry <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-u.grown:
			l.Wake()
		case <-retry:
		case <-u.report:
			u.publishState(ctx, l)
		case <-every.C:
			u.publishState(ctx, l)
		}
		retry = nil
		if err := u.notify(ctx, l); err != nil && ctx.Err() == nil {
			if !errors.Is(err, link.ErrOffline) {
				u.cfg.Logger.WarnContext(ctx, "peers not told", slog.Any("error", err))
			}
			retry = time.After(retryAfter)
		}
	}
}

// notify tells the peers everything that happened since they were last told.
// After a crash some of it is told twice, which harms nobody.
func (u *Uplink) notify(ctx context.Context, l Link) error {
	if !l.State().Connected {
		return nil // LinkChanged comes when there is somebody to tell
	}
	told, err := u.cfg.Store.Cursor(ctx, noticeCursor)
	if err != nil {
		return err
	}
	begun := told
	for err == nil {
		var raw [][]byte
		if raw, err = u.cfg.Store.Entries(ctx, told, noticeBatch); err != nil || len(raw) == 0 {
			break
		}
		for _, data := range raw {
			if err = u.notice(ctx, l, data); err != nil {
				break
			}
			told++
		}
	}
	if told > begun {
		err = errors.Join(err, u.cfg.Store.SetCursor(ctx, noticeCursor, told))
	}
	return err
}

// notice publishes one entry if it concerns the peers.
func (u *Uplink) notice(ctx context.Context, l Link, data []byte) error {
	e, err := journal.ParseEntry(data)
	if err != nil {
		return err
	}
	switch e.Kind {
	case journal.Decision:
		if e.Outcome != ticket.Admit {
			return nil
		}
	case journal.Released, journal.Undone, journal.Left:
	case journal.Passed, journal.Flagged:
		return nil // consumed is what peers assume anyway
	}
	batch, err := journal.SealBatch(u.cfg.Signer, u.cfg.Device, [][]byte{data}, u.cfg.Store.Clock().Now())
	if err != nil {
		return fmt.Errorf("seal notice of entry %d: %w", e.Seq, err)
	}
	payload, err := topic.Notice{Certificate: u.cfg.Certificate(), Batch: batch}.Encode()
	if err != nil {
		return fmt.Errorf("notice of entry %d: %w", e.Seq, err)
	}
	return l.Publish(ctx, topic.AdmissionsOf(e.Event, u.cfg.Device), payload, false)
}

// Birth returns the state message of a connection, for the link.
func (u *Uplink) Birth(epoch uint64) link.Message { return u.stateMessage(epoch, true) }

// Will returns the last will of a connection, for the link.
func (u *Uplink) Will(epoch uint64) link.Message { return u.stateMessage(epoch, false) }

func (u *Uplink) stateMessage(epoch uint64, online bool) link.Message {
	s := u.Status()
	state := topic.State{Epoch: epoch, Online: online, Version: u.cfg.Version, Unacked: s.Unacked, At: max(0, u.cfg.Now().Unix())}
	if len(s.Events) > 0 {
		state.Set, state.Delta = s.Events[0].Version, s.Events[0].Delta
	}
	payload, err := state.Encode()
	if err != nil {
		payload = nil // only a version text that is too long; an empty message says offline
	}
	return link.Message{Topic: topic.StateOf(u.cfg.Device), Payload: payload, Retained: true}
}

func (u *Uplink) publishState(ctx context.Context, l Link) {
	s := l.State()
	if !s.Connected {
		return
	}
	m := u.Birth(s.Epoch)
	if err := l.Publish(ctx, m.Topic, m.Payload, m.Retained); err != nil && ctx.Err() == nil && !errors.Is(err, link.ErrOffline) {
		u.cfg.Logger.WarnContext(ctx, "state not published", slog.Any("error", err))
	}
}
