package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/ticket"
)

// defaultLife is how long a credential lasts if nothing else is said.
const defaultLife = 365 * 24 * time.Hour

func runIssueFamily(_ context.Context, a *app, f *flags) error {
	return a.issue(f, credential.Credential{
		Type:   credential.Family,
		Family: &credential.FamilyClaim{Relation: f.relation, Relative: credential.DID(f.relative)},
	})
}

func runIssueAge(_ context.Context, a *app, f *flags) error {
	over, err := strconv.ParseUint(f.over, 10, 8)
	if err != nil {
		return f.Wrong("--over %q is not a number of years", f.over)
	}
	return a.issue(f, credential.Credential{Type: credential.Age, Age: &credential.AgeClaim{Over: uint8(over)}})
}

func runIssueStaff(_ context.Context, a *app, f *flags) error {
	class, err := strconv.ParseUint(f.class, 10, 8)
	if err != nil {
		return f.Wrong("--class %q is not the number of a class", f.class)
	}
	claim := &credential.StaffClaim{Role: f.role, Class: uint8(class)}
	for _, e := range f.events {
		id, err := ticket.ParseEventID(e)
		if err != nil {
			return f.Wrong("--event: %s", err)
		}
		claim.Events = append(claim.Events, id)
	}
	return a.issue(f, credential.Credential{Type: credential.Staff, Staff: claim})
}

// issue completes a credential, enters it in the book, and prints it.
func (a *app) issue(f *flags, c credential.Credential) (err error) {
	if err := f.Want(0, 0); err != nil {
		return err
	}
	now := a.now().UTC().Truncate(time.Second)
	c.Subject, c.Issued = credential.DID(f.subject), now
	if c.Expires, err = f.end(now); err != nil {
		return err
	}
	if c.ID, err = newID(); err != nil {
		return err
	}
	d := folder(f.dir)
	r, err := d.open()
	if err != nil {
		return err
	}
	b, err := d.openBook()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	index, err := b.free()
	if err != nil {
		return err
	}
	c.Issuer, c.Status = r.self.DID, &credential.StatusRef{List: r.self.StatusURL, Index: index}
	jwt, err := credential.Issue(r.signer, c)
	if errors.Is(err, credential.ErrInvalid) {
		return f.Wrong("%s", err)
	}
	if err != nil {
		return err
	}
	if err := b.add(line{At: now, Issued: &issued{ID: c.ID, Type: c.Type, Subject: c.Subject, Index: index, Expires: c.Expires}}); err != nil {
		return err
	}
	if f.json {
		return json.NewEncoder(a.out).Encode(map[string]any{"id": c.ID, "type": c.Type, "expires": c.Expires, "jwt": jwt})
	}
	_, err = fmt.Fprintln(a.out, jwt)
	return err
}

// end reads --expires: a moment, or the beginning of a day, UTC.
func (f *flags) end(now time.Time) (time.Time, error) {
	if f.expires == "" {
		return now.Add(defaultLife), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, f.expires); err == nil {
			if !t.After(now) {
				return t, f.Wrong("--expires %s is over", f.expires)
			}
			return t.UTC().Truncate(time.Second), nil
		}
	}
	return time.Time{}, f.Wrong("--expires %q is neither a date like 2027-01-31 nor a moment of RFC 3339", f.expires)
}

// newID is a random UUID (RFC 9562, version 4) as a URN.
func newID() (string, error) {
	var u [16]byte
	if _, err := rand.Read(u[:]); err != nil {
		return "", err
	}
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:]), nil
}
