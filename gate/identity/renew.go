package identity

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"path/filepath"
	"slices"
	"time"

	"github.com/con-ting/conting/sync/private"
)

const opRenew = "renew certificate"

type renewRequest struct {
	CSR []byte `json:"csr"`
}

type renewAnswer struct {
	Certificate string `json:"certificate"`
}

// Renew asks central for a new certificate for the same key, over mutual TLS
// with the present one, writes it to disk and puts it in force. On any error
// the present one stays.
func (id *Identity) Renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	csr, err := makeCSR(rand.Reader, id.key)
	if err != nil {
		return fail(opRenew, "", "%w", err)
	}
	ask, err := json.Marshal(renewRequest{CSR: csr})
	if err != nil {
		return fail(opRenew, "", "%w", err)
	}
	var got renewAnswer
	if err := post(ctx, opRenew, id.TLS(), id.record.Fleet+"/device/v1/renew", ask, &got); err != nil {
		return err
	}
	chain, err := parseChain([]byte(got.Certificate), maxChain)
	if err != nil {
		return fail(opRenew, answerHint, "%w: %w", ErrAnswer, err)
	}
	return id.replace(chain)
}

// replace puts a new certificate chain in force after checking it.
func (id *Identity) replace(chain [][]byte) error {
	next, err := assemble(id.dir, id.record, id.key, id.anchor, id.list, chain, chain[len(chain)-1:], id.now)
	if err != nil {
		return fail(opRenew, answerHint, "%w: %w", ErrAnswer, err)
	}
	old := id.Certificate()
	switch now := id.now(); {
	case next.leaf.Subject.CommonName != old.Subject.CommonName,
		!slices.Equal(next.leaf.Subject.OrganizationalUnit, old.Subject.OrganizationalUnit):
		return fail(opRenew, answerHint, "a certificate for another device: %w", ErrAnswer)
	case now.Before(next.leaf.NotBefore) || !next.leaf.NotAfter.After(now):
		return fail(opRenew, "compare this device's clock with central's", "a certificate that is not in force: %w", ErrAnswer)
	case next.leaf.NotAfter.Before(old.NotAfter):
		return fail(opRenew, answerHint, "a certificate that ends before the present one: %w", ErrAnswer)
	}
	if err := private.Replace(filepath.Join(id.dir, certificateFile), encodeChain(chain)); err != nil {
		return fail(opRenew, "check the free space of the data folder", "%w", err)
	}
	id.mu.Lock()
	id.leaf, id.chain = next.leaf, chain
	id.mu.Unlock()
	return nil
}

// RenewDue is when a certificate of that lifetime is to be renewed: when less
// than a third of the lifetime remains.
func RenewDue(notBefore, notAfter time.Time) time.Time {
	return notAfter.Add(-notAfter.Sub(notBefore) / 3)
}

// Renewer is a certificate that can be renewed; [*Identity] is one.
type Renewer interface {
	// Renew replaces the certificate, or leaves it and returns why not.
	Renew(ctx context.Context) error
	// Validity returns the lifetime of the certificate in force.
	Validity() (notBefore, notAfter time.Time)
}

// Validity returns the lifetime of the certificate in force.
func (id *Identity) Validity() (notBefore, notAfter time.Time) {
	c := id.Certificate()
	return c.NotBefore, c.NotAfter
}

// The pace of renewal. The clock may jump while we wait, so that no wait is
// longer than maxWait.
const (
	maxWait  = time.Hour
	minRetry = time.Minute
	maxRetry = 30 * time.Minute
)

// KeepFresh renews the certificate whenever it is due, until ctx ends. A
// failure is logged and tried again, first after about a minute, then after
// twice that, at most after about half an hour; renewed is called after each success.
func KeepFresh(ctx context.Context, r Renewer, now func() time.Time, log *slog.Logger, renewed func()) {
	retry := minRetry
	for {
		wait := RenewDue(r.Validity()).Sub(now())
		if wait <= 0 {
			err := r.Renew(ctx)
			switch {
			case ctx.Err() != nil:
				return
			case err == nil:
				wait, retry = minRetry, minRetry // even if central issues one that is due at once
				_, until := r.Validity()
				log.InfoContext(ctx, "certificate renewed", slog.Time("not_after", until))
				renewed()
			default:
				wait = retry + mathrand.N(retry/4) //nolint:gosec // spreads load, keeps no secret
				retry = min(2*retry, maxRetry)
				log.WarnContext(ctx, "certificate not renewed",
					slog.String("error", err.Error()), slog.String("hint", hintOf(err)), slog.Duration("retry_in", wait))
			}
		}
		if !sleep(ctx, min(wait, maxWait)) {
			return
		}
	}
}

func hintOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.hint
	}
	return ""
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// String names the device, for logs.
func (id *Identity) String() string { return fmt.Sprintf("%s %s", id.record.Role, id.record.Device) }
