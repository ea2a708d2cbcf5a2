package identity

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
	"unicode"
)

const (
	defaultTimeout = 20 * time.Second
	maxAnswer      = 2 << 20 // a trust list is at most 1 MiB, base64 adds a third
	maxHeader      = 64 << 10
	maxSaid        = 200 // characters of central's own words that we repeat
)

// postPinned talks to a server that is known only by its authority's pin. It
// returns that authority's certificate.
func postPinned(ctx context.Context, inv Invitation, now func() time.Time, path string, body []byte, answer any) (*x509.Certificate, error) {
	var authority *x509.Certificate
	conf := &tls.Config{
		MinVersion: tls.VersionTLS13,
		ServerName: inv.Host,
		Time:       now,
		// The authority is not known before the handshake; VerifyConnection does
		// the whole verification with the one that the pin names.
		InsecureSkipVerify: true, //nolint:gosec // see above
		VerifyConnection: func(state tls.ConnectionState) error {
			var err error
			authority, err = verifyPinned(inv, state.PeerCertificates, now())
			return err
		},
	}
	if err := post(ctx, opEnrol, conf, inv.Base+path, body, answer); err != nil {
		return nil, err
	}
	return authority, nil
}

func verifyPinned(inv Invitation, chain []*x509.Certificate, now time.Time) (*x509.Certificate, error) {
	ca := inv.Pin.pinned(chain)
	if ca == nil {
		return nil, ErrPin
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(ca)
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		DNSName: inv.Host, Roots: roots, Intermediates: between, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPin, err)
	}
	return ca, nil
}

// post sends one JSON request on a connection of its own and reads one JSON
// answer of at most maxAnswer bytes. It follows no redirect and uses no proxy.
func post(ctx context.Context, op string, conf *tls.Config, url string, body []byte, answer any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return fail(op, invitationHint, "%w: %w", ErrUnreachable, err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, application/problem+json")
	transport := &http.Transport{TLSClientConfig: conf, DisableKeepAlives: true, MaxResponseHeaderBytes: maxHeader}
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req)
	if err != nil {
		return unanswered(op, err)
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return unanswered(op, err)
	}
	if len(data) > maxAnswer {
		return fail(op, answerHint, "more than %d bytes: %w", maxAnswer, ErrAnswer)
	}
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusCreated {
		return refused(op, res, data)
	}
	if err := json.Unmarshal(data, answer); err != nil {
		return fail(op, answerHint, "%w: %w", ErrAnswer, err)
	}
	return nil
}

// unanswered explains an exchange that brought no answer.
func unanswered(op string, err error) error {
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fail(op, "set this device's clock, then try again", "%w: %w", ErrUnreachable, err)
	case errors.Is(err, ErrPin):
		return fail(op, "get a new enrolment string from the console; if it fails again, somebody answers in central's place", "%w", err)
	case errors.Is(err, context.Canceled):
		return fail(op, "", "%w", err)
	}
	return fail(op, "check the cable, the address and central; if the console shows this device already, get a new code", "%w: %w", ErrUnreachable, err)
}

// refused reads a problem document (RFC 9457) with our members code and hint.
func refused(op string, res *http.Response, data []byte) error {
	var problem struct {
		Title  string `json:"title"`
		Detail string `json:"detail"`
		Code   string `json:"code"`
		Hint   string `json:"hint"`
	}
	kind, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil || kind != "application/problem+json" || json.Unmarshal(data, &problem) != nil {
		return fail(op, "is that address really central's device port?", "status %d without a reason: %w", res.StatusCode, ErrAnswer)
	}
	said := sayable(cmp.Or(problem.Detail, problem.Title, "no detail"))
	hint := sayable(problem.Hint)
	if hint == "" && op == opEnrol {
		hint = "a code works once and for 15 minutes: get a new one from the console"
	}
	return fail(op, hint, "%w: %s (%s, status %d)", ErrRefused, said, sayable(problem.Code), res.StatusCode)
}

// sayable cuts a remote text to what may stand on a terminal line.
func sayable(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if r := []rune(s); len(r) > maxSaid {
		return string(r[:maxSaid])
	}
	return s
}
