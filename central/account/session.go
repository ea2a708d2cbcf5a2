package account

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"
)

// SessionLifetime is how long a session lasts that nobody uses. Each use begins
// the time anew, written down at most once in [SessionStep].
const (
	SessionLifetime = 30 * 24 * time.Hour
	SessionStep     = time.Hour
)

const tokenLen = 32

// Entry is what a person gets for coming in.
type Entry struct {
	Person       Person
	Token        string    // of the new session; goes into the cookie and nowhere else
	Expires      time.Time // of the session, unless it is used
	RecoveryCode string    // to be shown once; empty at a sign-in
}

// newSession makes a session for a passkey. The token is always new: whatever the
// caller came with is never taken over.
func (a *Accounts) newSession(account string, credential []byte) (s Session, token string, err error) {
	raw, err := a.random(tokenLen)
	if err != nil {
		return Session{}, "", err
	}
	s = Session{Hash: sha256.Sum256(raw), Account: account, Credential: credential, Expires: a.cfg.Now().Add(SessionLifetime)}
	return s, base64.RawURLEncoding.EncodeToString(raw), nil
}

// hashToken is the hash under which a session is kept. What is no token hashes to
// something that no session has.
func hashToken(token string) [32]byte {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != tokenLen {
		return [32]byte{}
	}
	return sha256.Sum256(raw)
}

// Resume returns who has the session, or [ErrSignedOut]. If it moved the session's
// end, expires is the new one, otherwise zero.
func (a *Accounts) Resume(ctx context.Context, token string) (p Person, expires time.Time, err error) {
	hash := hashToken(token)
	if hash == [32]byte{} {
		return Person{}, time.Time{}, ErrSignedOut
	}
	c, ends, err := a.cfg.Store.Session(ctx, hash)
	if err != nil {
		return Person{}, time.Time{}, err
	}
	if next := a.cfg.Now().Add(SessionLifetime); next.Sub(ends) >= SessionStep {
		if err := a.cfg.Store.ExtendSession(ctx, hash, next); err != nil {
			return Person{}, time.Time{}, err
		}
		expires = next
	}
	return c.person(), expires, nil
}

// SignOut ends a session. One that does not exist is as good as ended.
func (a *Accounts) SignOut(ctx context.Context, token string) error {
	err := a.cfg.Store.EndSession(ctx, hashToken(token))
	if errors.Is(err, ErrSignedOut) {
		return nil
	}
	return err
}
