package stage

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/con-ting/conting/sync/pass"
)

// Showing is a ticket on a phone's screen: one act of the holder, under a session
// that central keeps while it hears the phone. Nothing beats by itself.
type Showing struct {
	Expires time.Duration // after the last beat

	person  *Person
	lease   string
	session *pass.Session
}

// Show begins a session and unlocks a ticket of the account in it.
func (p *Person) Show(ctx context.Context, b *Bought, at time.Time) (*Showing, error) {
	var begun struct {
		Lease   string `json:"lease"`
		Expires int64  `json:"expires_ms"`
	}
	if err := p.Call(ctx, "POST", "/v1/wallet/leases", map[string]string{"ticket": b.ID.String()}, &begun); err != nil {
		return nil, err
	}
	id, err := base64.RawURLEncoding.DecodeString(begun.Lease)
	if err != nil || len(id) != 8 {
		return nil, fmt.Errorf("lease %q: %w", begun.Lease, err)
	}
	s, err := p.Wallet.Session(b.ID, at, pass.MaxSlots, (*[8]byte)(id))
	if err != nil {
		return nil, err
	}
	return &Showing{Expires: time.Duration(begun.Expires) * time.Millisecond, person: p, lease: begun.Lease, session: s}, nil
}

// Text is the code on the screen at a time.
func (s *Showing) Text(at time.Time) (string, error) { return s.session.Text(at, nil) }

// Beat says that the code is still being shown.
func (s *Showing) Beat(ctx context.Context) error {
	return s.person.Call(ctx, "POST", "/v1/wallet/leases/"+s.lease+"/beat", nil, nil)
}

// Hide says that it is not shown any more.
func (s *Showing) Hide(ctx context.Context) error {
	return s.person.Call(ctx, "DELETE", "/v1/wallet/leases/"+s.lease, nil, nil)
}
