package stage

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// maxAnswer is the most of an answer that is read, in bytes.
const maxAnswer = 1 << 20

// caller is as whom central is asked.
type caller struct {
	bearer  string
	session string // of an account; sent as the wallet's pages do

	place     string // of a place in a waiting room
	admission string // by a waiting room
}

// Refusal is a problem that central answered with.
type Refusal struct {
	Status int    `json:"status"`
	Code   string `json:"code"`

	what string
}

// Error implements error.
func (r *Refusal) Error() string { return r.what }

func (s *Stage) call(ctx context.Context, method, path, bearer string, in, out any) error {
	return s.do(ctx, caller{bearer: bearer}, method, path, in, out)
}

func (s *Stage) do(ctx context.Context, as caller, method, path string, in, out any) error {
	_, err := s.ask(ctx, as, method, path, in, out)
	return err
}

// ask does one request and returns the session that it opened, if it opened one.
// An answer that is no success is a [*Refusal].
func (s *Stage) ask(ctx context.Context, as caller, method, path string, in, out any) (session string, err error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return "", err
		}
		body = bytes.NewReader(b)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, s.addr.API+path, body)
	if err != nil {
		return "", err
	}
	if err := s.dress(req, as, in != nil); err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", method, path, err)
	}
	if resp.StatusCode/100 != 2 {
		r := &Refusal{what: fmt.Sprintf("%s %s: %s: %s", method, path, resp.Status, bytes.TrimSpace(b))}
		_ = json.Unmarshal(b, r)
		r.Status = resp.StatusCode
		return "", r
	}
	for _, c := range resp.Cookies() {
		if c.Name == sessionCookie && c.MaxAge > 0 {
			session = c.Value
		}
	}
	if out == nil || len(b) == 0 {
		return session, nil
	}
	if err := json.Unmarshal(b, out); err != nil {
		return "", fmt.Errorf("%s %s: %w", method, path, err)
	}
	return session, nil
}

const sessionCookie = "conting_session"

// dress sets a request's headers.
func (s *Stage) dress(req *http.Request, as caller, body bool) error {
	if body {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", rand.Text())
	}
	if as.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+as.bearer)
	}
	for name, token := range map[string]string{"Queue-Token": as.place, "Queue-Admission": as.admission} {
		if token != "" {
			req.Header.Set(name, token)
		}
	}
	if as.session != "" {
		rp, err := s.RelyingParty()
		if err != nil {
			return err
		}
		req.AddCookie(&http.Cookie{Name: sessionCookie, Value: as.session})
		req.Header.Set("Origin", rp.Origin)
	}
	return nil
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
