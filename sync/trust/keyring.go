package trust

import (
	"fmt"
	"slices"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// Keyring answers who may sign what, from one trust list. It is immutable and
// safe for concurrent use; a newer list makes a new Keyring.
type Keyring struct {
	version uint64
	expires int64
	keys    map[KeyID]Key
	revoked map[ticket.DeviceID]bool
	cas     authorities
}

// NewKeyring makes a Keyring of a list that [Anchor.Open] returned. The list is
// copied. Errors wrap [ErrInvalid], or [ErrCertificate] for a device authority that
// cannot be read.
func NewKeyring(l *List) (*Keyring, error) {
	if l == nil {
		return nil, fmt.Errorf("no trust list: %w", ErrInvalid)
	}
	if err := l.Check(); err != nil {
		return nil, err
	}
	k := &Keyring{
		version: l.Version,
		expires: l.Expires,
		keys:    make(map[KeyID]Key, len(l.Keys)),
		revoked: make(map[ticket.DeviceID]bool, len(l.RevokedDevices)),
	}
	for _, key := range l.Keys {
		key.Events = slices.Clone(key.Events)
		k.keys[key.Public.ID()] = key
	}
	for _, id := range l.RevokedDevices {
		k.revoked[id] = true
	}
	var err error
	if k.cas, err = parseAuthorities(l.DeviceCAs); err != nil {
		return nil, fmt.Errorf("trust list %d: %w", l.Version, err)
	}
	return k, nil
}

// Version returns the version of the list that the keyring was made from.
func (k *Keyring) Version() uint64 { return k.version }

// Expires returns when the list ends, and with it everything the keyring says.
func (k *Keyring) Expires() time.Time { return time.Unix(k.expires, 0).UTC() }

// Verify checks a COSE_Sign1 that a key of the given role made for the event and
// context, and returns its payload, which aliases data. Event zero stands for a
// message about no event in particular; a key that is limited to some events may
// not sign it.
//
// The error wraps [ErrTooLarge], [ErrMalformed], [ErrUnknownKey], [ErrWrongRole],
// [ErrWrongEvent], [ErrNotYet], [ErrExpired] (the key or the whole list) or
// [ErrBadSignature].
func (k *Keyring) Verify(role Role, event ticket.EventID, ctx Context, data []byte, now time.Time) ([]byte, error) {
	m, err := ParseSign1(data)
	if err != nil {
		return nil, err
	}
	key, ok := k.keys[m.KeyID]
	if !ok {
		return nil, fmt.Errorf("key %s: %w", m.KeyID, ErrUnknownKey)
	}
	if key.Role != role {
		return nil, fmt.Errorf("key %s is for role %s, not %s: %w", key.Public, key.Role, role, ErrWrongRole)
	}
	if len(key.Events) > 0 && !slices.Contains(key.Events, event) {
		return nil, fmt.Errorf("key %s, event %s: %w", key.Public, event, ErrWrongEvent)
	}
	if err := k.current(key, now.Unix()); err != nil {
		return nil, err
	}
	if err := m.Verify(ctx, key.Public); err != nil {
		return nil, err
	}
	return m.Payload, nil
}

// current checks the key's time and the list's.
func (k *Keyring) current(key Key, now int64) error {
	switch {
	case now >= k.expires:
		return fmt.Errorf("trust list %d ended at %s: %w", k.version, stamp(k.expires), ErrExpired)
	case now < key.NotBefore:
		return fmt.Errorf("key %s begins at %s: %w", key.Public, stamp(key.NotBefore), ErrNotYet)
	case now >= key.NotAfter:
		return fmt.Errorf("key %s ended at %s: %w", key.Public, stamp(key.NotAfter), ErrExpired)
	}
	return nil
}
