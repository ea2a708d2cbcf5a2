package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"text/tabwriter"
	"time"

	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/trust"
)

// statusLife is how long a status list lasts if nothing else is said: longer than
// a weekend without a network.
const statusLife = 7 * 24 * time.Hour

// sign signs the status list by the book and keeps it. It begins after the list
// before it, so that nobody can mistake which is the newer.
func (r *registrar) sign(ctx context.Context, now time.Time, life time.Duration) (jwt string, err error) {
	b, err := r.dir.openBook()
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	return r.signBook(ctx, b, now, life)
}

func (r *registrar) signBook(ctx context.Context, b *book, now time.Time, life time.Duration) (string, error) {
	begin := now.UTC().Truncate(time.Second)
	before, err := r.signedBefore(ctx, now)
	if err != nil {
		return "", err
	}
	if !begin.After(before) {
		begin = before.Add(time.Second)
	}
	l := credential.NewStatusList()
	l.Issuer = r.self.DID
	for id := range b.revoked {
		if err := l.Revoke(b.all[b.byID[id]].Index); err != nil {
			return "", err
		}
	}
	jwt, err := credential.SignStatusList(r.signer, r.self.StatusURL, l, begin, begin.Add(life))
	if err != nil {
		return "", err
	}
	return jwt, r.dir.replace(statusFile, []byte(jwt))
}

// signedBefore is when the kept status list begins, or the zero time if there is
// none.
func (r *registrar) signedBefore(ctx context.Context, now time.Time) (time.Time, error) {
	raw, err := os.ReadFile(r.dir.path(statusFile))
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	i, err := r.issuer()
	if err != nil {
		return time.Time{}, err
	}
	v, err := credential.New(ctx, credential.Config{Issuers: []trust.Issuer{i}})
	if err != nil {
		return time.Time{}, err
	}
	l, err := v.StatusList(ctx, raw, r.self.StatusURL, now)
	if l == nil {
		return time.Time{}, hint.Errorf("take the file away if it is damaged", "%s: %w", statusFile, err)
	}
	return l.Issued, nil
}

func runRevoke(ctx context.Context, a *app, f *flags) (err error) {
	if err := f.Want(1, 1); err != nil {
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
	id := f.Rest[0]
	if _, ok := b.byID[id]; !ok {
		return hint.Errorf("`registrar list` prints the ids", "revoke %q: %w", id, errUnknown)
	}
	if _, done := b.revoked[id]; !done {
		if err := b.add(line{At: a.now().UTC(), Revoked: id}); err != nil {
			return err
		}
	}
	_, err = r.signBook(ctx, b, a.now(), statusLife)
	return err
}

func runStatus(ctx context.Context, a *app, f *flags) error {
	if err := f.Want(0, 0); err != nil {
		return err
	}
	if f.life < time.Minute {
		return f.Wrong("--life %s is too short", f.life)
	}
	r, err := folder(f.dir).open()
	if err != nil {
		return err
	}
	jwt, err := r.sign(ctx, a.now(), f.life)
	if err != nil {
		return err
	}
	return json.NewEncoder(a.out).Encode(map[string]string{"url": r.self.StatusURL, "jwt": jwt})
}

func runList(_ context.Context, a *app, f *flags) (err error) {
	if err := f.Want(0, 0); err != nil {
		return err
	}
	b, err := folder(f.dir).openBook()
	if err != nil {
		return hint.Errorf("make the folder with `registrar init`, or correct --dir", "%w", err)
	}
	defer func() { err = errors.Join(err, b.close()) }()
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, i := range b.all {
		state := "until " + i.Expires.Format(time.RFC3339)
		if at, ok := b.revoked[i.ID]; ok {
			state = "revoked " + at.Format(time.RFC3339)
		}
		if _, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", i.ID, i.Type, i.Subject, state); err != nil {
			return err
		}
	}
	return w.Flush()
}
