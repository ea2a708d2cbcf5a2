package credential

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// The longest texts of a credential, in bytes, and the greatest age.
const (
	maxID       = 128
	maxRelation = 32
	maxRole     = 48
	maxAge      = 120
)

// check reports the first thing about the credential that contradicts itself.
func (c *Credential) check() error {
	if _, err := c.Subject.Key(); err != nil {
		return fmt.Errorf("subject: %w", err)
	}
	claims := 0
	for _, set := range []bool{c.Family != nil, c.Age != nil, c.Staff != nil} {
		if set {
			claims++
		}
	}
	switch {
	case claims != 1:
		return fmt.Errorf("%d claims, want one", claims)
	case !uri(c.ID) || len(c.ID) > maxID:
		return fmt.Errorf("id %.80q is not a URI of at most %d bytes", c.ID, maxID)
	case !c.Expires.After(c.Issued):
		return fmt.Errorf("in force from %s to %s", c.Issued, c.Expires)
	case c.Issued.Unix() < 0 || c.Expires.Unix() > maxSeconds || c.Issued.Nanosecond() != 0 || c.Expires.Nanosecond() != 0:
		return errors.New("dates are not whole seconds between 1970 and 9999")
	case c.Status != nil && (c.Status.Index >= maxStatusBits || !httpURL(c.Status.List)):
		return fmt.Errorf("status entry %d of %.80q", c.Status.Index, c.Status.List)
	case c.Family != nil:
		return c.Family.check(c)
	case c.Age != nil:
		return c.Age.check(c)
	}
	return c.Staff.check(c)
}

func (f *FamilyClaim) check(c *Credential) error {
	ok := f.Relation != "" && len(f.Relation) <= maxRelation
	for i := range len(f.Relation) {
		ok = ok && (f.Relation[i] >= 'a' && f.Relation[i] <= 'z' || f.Relation[i] == '_')
	}
	if !ok || c.Type != Family {
		return fmt.Errorf("relation %.40q in a credential of type %q", f.Relation, c.Type)
	}
	if _, err := f.Relative.Key(); err != nil {
		return fmt.Errorf("relative: %w", err)
	}
	if f.Relative == c.Subject {
		return errors.New("the subject is their own relative")
	}
	return nil
}

func (a *AgeClaim) check(c *Credential) error {
	if a.Over == 0 || a.Over > maxAge || c.Type != Age {
		return fmt.Errorf("age over %d in a credential of type %q", a.Over, c.Type)
	}
	return nil
}

func (s *StaffClaim) check(c *Credential) error {
	if s.Role == "" || len(s.Role) > maxRole || !utf8.ValidString(s.Role) || strings.ContainsFunc(s.Role, func(r rune) bool { return r < ' ' }) {
		return fmt.Errorf("role of %d bytes, want 1 to %d", len(s.Role), maxRole)
	}
	if len(s.Events) == 0 || len(s.Events) > MaxEvents || c.Type != Staff {
		return fmt.Errorf("%d events in a credential of type %q", len(s.Events), c.Type)
	}
	for i, e := range s.Events {
		if e == 0 || slices.Contains(s.Events[:i], e) {
			return fmt.Errorf("event %d is no event or stands twice", e)
		}
	}
	return nil
}
