package account

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
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
	RecoveryCode string    // to be shown once; empty unless a passkey was made
}

// newSession makes a session for a passkey, or for nil and a password. The token is
// always new: whatever the caller came with is never taken over.
func (a *Accounts) newSession(account string, credential []byte, agent string) (s Session, token string, err error) {
	raw, err := a.random(tokenLen)
	if err != nil {
		return Session{}, "", err
	}
	s = Session{Hash: sha256.Sum256(raw), Account: account, Credential: credential, Agent: plainAgent(agent), Expires: a.cfg.Now().Add(SessionLifetime)}
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
	p, ends, err := a.cfg.Store.Session(ctx, hash)
	if err != nil {
		return Person{}, time.Time{}, err
	}
	if next := a.cfg.Now().Add(SessionLifetime); next.Sub(ends) >= SessionStep {
		if err := a.cfg.Store.ExtendSession(ctx, hash, next); err != nil {
			return Person{}, time.Time{}, err
		}
		expires = next
	}
	return p, expires, nil
}

// SignOut ends a session. One that does not exist is as good as ended.
func (a *Accounts) SignOut(ctx context.Context, token string) error {
	err := a.cfg.Store.EndSession(ctx, hashToken(token))
	if errors.Is(err, ErrSignedOut) {
		return nil
	}
	return err
}

// maxAgent bounds what is kept of a program's name, in bytes.
const maxAgent = 160

// plainAgent keeps of a User-Agent what is printable ASCII, so that its owner can
// tell one session from another.
func plainAgent(s string) string {
	out := make([]byte, 0, maxAgent)
	for i := 0; i < len(s) && len(out) < maxAgent; i++ {
		if s[i] >= ' ' && s[i] <= '~' {
			out = append(out, s[i])
		}
	}
	return string(out)
}

// Sessions lists the sessions of an account that have not ended, newest first.
func (a *Accounts) Sessions(ctx context.Context, account string) ([]Session, error) {
	return a.cfg.Store.Sessions(ctx, account)
}

// Name is what a session is called before its owner. It says nothing about the
// token.
func (s *Session) Name() string { return hex.EncodeToString(s.Hash[:8]) }

// SessionName is the [Session.Name] of a token's session.
func SessionName(token string) string {
	s := Session{Hash: hashToken(token)}
	return s.Name()
}

// EndSession ends the session of an account that has a name, or returns
// [ErrUnknownSession].
func (a *Accounts) EndSession(ctx context.Context, account, name string) error {
	all, err := a.cfg.Store.Sessions(ctx, account)
	if err != nil {
		return err
	}
	for _, s := range all {
		if s.Name() == name {
			return a.cfg.Store.EndSession(ctx, s.Hash)
		}
	}
	return ErrUnknownSession
}

// EndOthers ends every session of an account but the token's.
func (a *Accounts) EndOthers(ctx context.Context, account, token string) error {
	return a.cfg.Store.EndSessions(ctx, account, hashToken(token))
}
