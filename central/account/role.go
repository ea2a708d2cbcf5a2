package account

import (
	"context"
	"errors"
	"log/slog"
)

// ErrRole means that there is no such role.
var ErrRole = errors.New("no such role: attendee, box_office and admin are")

// Role is what somebody may do beyond what is their own. It counts only while they
// act with their passkey: who signed in with a password alone is an attendee.
type Role string

// The roles. Whatever else stands in the database counts as Attendee.
const (
	Attendee  Role = "attendee"
	BoxOffice Role = "box_office"
	Admin     Role = "admin"
)

// Known reports whether it is one of the roles.
func (r Role) Known() bool { return r == Attendee || r == BoxOffice || r == Admin }

// Covers reports whether who has the role may do what least is for. What is not a
// role covers nothing and is covered by nothing.
func (r Role) Covers(least Role) bool {
	rank := map[Role]int{Attendee: 1, BoxOffice: 2, Admin: 3}
	return rank[r] > 0 && rank[least] > 0 && rank[r] >= rank[least]
}

// SetRole gives the account of an address a role. The address must be confirmed:
// anybody may sign up with one that is not theirs. Whoever calls has made sure that
// the caller may. The error wraps [ErrRole], [ErrEmail] or [ErrUnknown], also for an
// address that is not confirmed.
func (a *Accounts) SetRole(ctx context.Context, email string, r Role) (id string, err error) {
	if !r.Known() {
		return "", ErrRole
	}
	if email, err = NormaliseEmail(email); err != nil {
		return "", err
	}
	if id, err = a.cfg.Store.SetRole(ctx, email, r); err != nil {
		return "", err
	}
	a.cfg.Logger.WarnContext(ctx, "a role was given", slog.String("account", id), slog.String("role", string(r)))
	return id, nil
}
