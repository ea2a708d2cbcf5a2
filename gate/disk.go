package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/con-ting/conting/gate/identity"
	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/trust"
)

// unlocked is what a command needs to work on this gate's data: who it is, the
// open database, and whose signatures count.
type unlocked struct {
	id    *identity.Identity
	store *store.Store
	list  *trust.List // the newest in force; nil when none is
	ring  *trust.Keyring
}

// unlock opens the identity and the database for a command that writes.
func (a *app) unlock(ctx context.Context, conf *config) (*unlocked, error) {
	return a.unlockAt(ctx, conf, a.now)
}

// unlockAt does so with another clock for the journal.
func (a *app) unlockAt(ctx context.Context, conf *config, now func() time.Time) (*unlocked, error) {
	id, err := identity.Load(conf.identityDir(), a.now)
	if err != nil {
		return nil, err
	}
	st, err := store.Open(ctx, store.Config{Path: conf.database(), Device: id.Device(), Now: now, Logger: conf.logger(a.err)})
	if err != nil {
		return nil, diskError(err)
	}
	return a.trusting(ctx, id, st)
}

// peek opens them for a command that only reads; it leaves the files as they are.
func (a *app) peek(ctx context.Context, conf *config) (*unlocked, error) {
	id, err := identity.Load(conf.identityDir(), a.now)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(conf.database()); errors.Is(err, fs.ErrNotExist) {
		return nil, hint.Errorf("load a set (gate load-set FILE) or start the gate (gate run) first", "no database at %s", conf.database())
	}
	st, err := store.OpenReadOnly(ctx, store.Config{Path: conf.database(), Device: id.Device(), Now: a.now, Logger: conf.logger(a.err)})
	if err != nil {
		return nil, diskError(err)
	}
	return a.trusting(ctx, id, st)
}

func (a *app) trusting(ctx context.Context, id *identity.Identity, st *store.Store) (*unlocked, error) {
	u := &unlocked{id: id, store: st}
	var err error
	if u.list, u.ring, err = trusted(ctx, id, st, a.now()); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return u, nil
}

// trusted opens the newest trust list on this disk: the one of the enrolment or
// one that the uplink took since. When that is over it returns neither list nor
// error: the gate then goes on with the set it has verified before. An older list
// does not come back to life after it, with the keys and issuers that it still had.
func trusted(ctx context.Context, id *identity.Identity, st *store.Store, now time.Time) (*trust.List, *trust.Keyring, error) {
	newer, err := st.Meta(ctx, store.MetaTrustList)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, nil, diskError(err)
	}
	var best *trust.List
	for _, raw := range [][]byte{id.TrustList(), newer} {
		if len(raw) == 0 {
			continue
		}
		l, err := id.Anchor().Open(raw, time.Unix(0, 0)) // whatever its age
		if err != nil {
			return nil, nil, hint.Errorf("move the data folder aside and enrol anew", "trust list on this disk: %w", err)
		}
		if best == nil || l.Version > best.Version {
			best = l
		}
	}
	if best == nil || now.Unix() >= best.Expires {
		return nil, nil, nil
	}
	ring, err := trust.NewKeyring(best)
	if err != nil {
		return nil, nil, fmt.Errorf("trust list on this disk: %w", err)
	}
	return best, ring, id.Adopt(best)
}

// errUntrusted means that no signature counts any more.
var errUntrusted = errors.New("the trust list has expired")

// keys returns the keyring, or says why there is none.
func (u *unlocked) keys() (*trust.Keyring, error) {
	if u.ring == nil {
		return nil, hint.Errorf("bring the gate to its network, or check its clock with gate doctor", "%w", errUntrusted)
	}
	return u.ring, nil
}

// diskError gives the store's hint the form that complain understands.
func diskError(err error) error {
	var f *store.Fault
	if !errors.As(err, &f) || f.Hint == "" {
		return err
	}
	bare := *f
	bare.Hint = ""
	text := strings.TrimSuffix(err.Error(), f.Error()) + bare.Error()
	return hint.Errorf(f.Hint, "%w", &plain{text: text, err: err})
}

// plain is an error whose text was rewritten.
type plain struct {
	text string
	err  error
}

func (p *plain) Error() string { return p.text }
func (p *plain) Unwrap() error { return p.err }

// brokenDatabase reports an error that a restart does not mend.
func brokenDatabase(err error) bool {
	return errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrTooNew) || errors.Is(err, store.ErrForeign)
}
