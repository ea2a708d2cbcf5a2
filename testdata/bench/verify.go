package main

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
	"github.com/con-ting/conting/testdata/wallet"
)

// verifies is how often each form is verified; a presentation costs many times
// as much as a pass.
const (
	verifies      = 2000
	presentations = 200
)

// forms is what it takes to make and verify a pass of each form.
type forms struct {
	now      time.Time
	nonce    pass.Nonce
	wallet   *wallet.Wallet
	staff    *wallet.Identity
	issuer   trust.Signer
	ring     *trust.Keyring
	verifier *pass.Verifier
}

func newForms() (*forms, error) {
	f := &forms{now: time.Now().Truncate(time.Second), nonce: pass.Nonce{Gate: "north-1", Value: [8]byte{1}, Issued: time.Now().Unix()}}
	seed := sha256.Sum256([]byte("bench"))
	var err error
	if f.wallet, err = wallet.New(site, seed[:]); err != nil {
		return nil, err
	}
	if f.staff, err = wallet.NewIdentity(seed[:]); err != nil {
		return nil, err
	}
	if f.issuer, err = trust.NewSigner(ed25519.NewKeyFromSeed(seed[:])); err != nil {
		return nil, err
	}
	f.ring, err = trust.NewKeyring(&trust.List{Version: 1, Issued: f.now.Unix(), Expires: f.now.Unix() + 3600, Keys: []trust.Key{{
		Role: trust.RoleEvent, Public: f.issuer.Public(), NotBefore: f.now.Unix() - 60, NotAfter: f.now.Unix() + 3600,
	}}})
	if err != nil {
		return nil, err
	}
	f.verifier, err = pass.NewVerifier(site)
	return f, err
}

var formID = ticket.ID{1}

// signed is the ticket of a holder; the zero key makes one on paper.
func (f *forms) signed(holder ticket.HolderKey) ([]byte, error) {
	return pass.SignTicket(f.issuer, ticket.Ticket{ID: formID, Event: 1, Zone: 1, Class: 1, Seat: "B-12-07", Version: 1, Holder: holder})
}

// verify checks the text of a pass, with its ticket if it carries one.
func (f *forms) verify(text string, holder ticket.HolderKey) error {
	p, err := pass.Parse(text)
	if err != nil {
		return err
	}
	if p.Carried != nil {
		t, err := pass.OpenTicket(f.ring, p.Carried, f.now)
		if err != nil {
			return err
		}
		holder = t.Holder
	}
	switch p.Form {
	case pass.Rotating:
		return f.verifier.Rotating(p, holder, f.now, 0)
	case pass.Challenge:
		return f.verifier.Challenge(p, holder, f.nonce)
	case pass.Accredited:
		return f.verifier.Accredited(p, holder, f.nonce)
	case pass.Paper:
		return nil
	}
	return fmt.Errorf("%s is no form", p.Form)
}

// verifyForms is the proof of a pass of each form, from its text, on one core and
// without a disk: alone, and with the ticket that it may carry.
func (r *rig) verifyForms(ctx context.Context) error {
	f, err := newForms()
	if err != nil {
		return err
	}
	session, err := f.wallet.Rotating(formID, f.now)
	if err != nil {
		return err
	}
	for _, form := range []struct {
		name   string
		holder ticket.HolderKey
		text   func(carried []byte) (string, error)
	}{
		{"rotating", f.wallet.HolderKey(), func(c []byte) (string, error) { return session.Text(f.now, c) }},
		{"challenge", f.wallet.HolderKey(), func(c []byte) (string, error) { return f.wallet.Answer(formID, f.nonce, c) }},
		{"accredited", f.staff.HolderKey(), func(c []byte) (string, error) { return f.staff.Answer(formID, f.nonce, c) }},
	} {
		signed, err := f.signed(form.holder)
		if err != nil {
			return err
		}
		alone, err := form.text(nil)
		if err != nil {
			return err
		}
		full, err := form.text(signed)
		if err != nil {
			return err
		}
		if err := errors.Join(
			r.cost("verify_"+form.name, verifies, func() error { return f.verify(alone, form.holder) }),
			r.cost("verify_"+form.name+"_full", verifies, func() error { return f.verify(full, form.holder) }),
		); err != nil {
			return err
		}
	}
	paper, err := f.signed(ticket.HolderKey{})
	if err != nil {
		return err
	}
	text := pass.PaperText(paper)
	if err := r.cost("verify_paper", verifies, func() error { return f.verify(text, ticket.HolderKey{}) }); err != nil {
		return err
	}
	return r.verifyPresentation(ctx, f)
}

// verifyPresentation is a staff credential in a presentation, from its packed
// bytes, with its status looked up.
func (r *rig) verifyPresentation(ctx context.Context, f *forms) error {
	const list, audience = "https://crew.example/status/1.jwt", "conting:gate:north-1"
	issuer, err := credential.KeyDID(f.issuer.Public())
	if err != nil {
		return err
	}
	holder, err := f.staff.Signer()
	if err != nil {
		return err
	}
	subject, err := credential.KeyDID(holder.Public())
	if err != nil {
		return err
	}
	vc, err := credential.Issue(f.issuer, credential.Credential{
		ID: "urn:uuid:11111111-1111-4111-8111-111111111111", Type: credential.Staff, Subject: subject,
		Issued: f.now.Add(-time.Hour), Expires: f.now.Add(time.Hour),
		Staff:  &credential.StaffClaim{Role: "rigger", Events: []ticket.EventID{1}, Class: 7},
		Status: &credential.StatusRef{List: list, Index: 5},
	})
	if err != nil {
		return err
	}
	statuses, err := credential.SignStatusList(f.issuer, list, credential.NewStatusList(), f.now.Add(-time.Hour), f.now.Add(time.Hour))
	if err != nil {
		return err
	}
	v, err := credential.New(ctx, credential.Config{
		Issuers:  []trust.Issuer{{DID: string(issuer), Name: "Crew", Accepts: []string{"staff"}, StatusURLs: []string{list}}},
		Statuses: func(string) ([]byte, bool) { return []byte(statuses), true },
	})
	if err != nil {
		return err
	}
	vp, err := credential.Present(holder, []string{vc}, audience, f.nonce.Text(), f.now, time.Minute)
	if err != nil {
		return err
	}
	packed, err := credential.Pack(vp)
	if err != nil {
		return err
	}
	parts, err := pass.Split(packed)
	if err != nil {
		return err
	}
	if err := r.print("presentation_parts", series{float64(len(parts))}); err != nil {
		return err
	}
	return r.cost("verify_presentation", presentations, func() error {
		text, err := credential.Unpack(packed)
		if err != nil {
			return err
		}
		p, err := v.Presentation(ctx, text, credential.Want{Audience: audience, Nonce: f.nonce.Text()}, f.now)
		if err == nil && len(p.Credentials) != 1 {
			err = errors.New("the credential was lost")
		}
		return err
	})
}

// cost prints how long a step takes and how often it allocates.
func (r *rig) cost(name string, times int, step func() error) error {
	var s series
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range times {
		began := time.Now()
		if err := step(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		s.us(time.Since(began))
	}
	runtime.ReadMemStats(&after)
	if err := r.print(name+"_us", s); err != nil {
		return err
	}
	return r.print(name+"_allocs", series{float64(after.Mallocs-before.Mallocs) / float64(times)})
}
