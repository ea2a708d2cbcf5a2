package stripe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/con-ting/conting/central/pay"
)

// maxAnswer is the longest answer that is read, in bytes.
const maxAnswer = 1 << 20

// Error is what Stripe calls an error. Its message is left out: it may name a buyer.
// The request id leads to it in Stripe's dashboard.
type Error struct {
	Status    int    // of HTTP
	Type      string // card_error, invalid_request_error, idempotency_error, api_error
	Code      string // may be empty
	Param     string // what it is about; may be empty
	RequestID string
	Replayed  bool // Stripe repeats the answer to an earlier request of the same key
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("stripe: status %d, type %q, code %q, parameter %q, request %q",
		e.Status, printable(e.Type), printable(e.Code), printable(e.Param), printable(e.RequestID))
}

// Unwrap makes the errors that callers branch on.
func (e *Error) Unwrap() error {
	switch {
	case e.Status == http.StatusNotFound && e.Code == "resource_missing":
		return pay.ErrUnknownPayment
	case e.Type == "idempotency_error":
		return pay.ErrKeyReused
	case e.Code == "amount_too_small" || e.Code == "amount_too_large" || e.Param == "currency":
		return pay.ErrCurrency
	}
	return nil
}

// printable bounds what another program sent.
func printable(s string) string {
	if len(s) > 64 {
		s = s[:64]
	}
	return strings.ToValidUTF8(s, "?")
}

func (s *Stripe) post(ctx context.Context, path, key string, form url.Values, answer any) error {
	return s.call(ctx, http.MethodPost, path, key, form, answer)
}

// postAgain is post for changes that Stripe itself makes once only, by the state of
// what they change. Stripe repeats a failure of its own for a day to whoever asks with
// the same key; these are then asked for without.
func (s *Stripe) postAgain(ctx context.Context, path, key string, form url.Values, answer any) error {
	err := s.post(ctx, path, key, form, answer)
	var e *Error
	if errors.As(err, &e) && e.Replayed && e.Status >= 500 {
		return s.post(ctx, path, "", form, answer)
	}
	return err
}

// call makes one call. An error that is not an [*Error] leaves open whether Stripe did
// what was asked.
func (s *Stripe) call(ctx context.Context, method, path, key string, form url.Values, answer any) (err error) {
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(ctx, method, s.base+path, body)
	if err != nil {
		return fmt.Errorf("stripe: %w", err)
	}
	r.Header.Set("Authorization", "Bearer "+s.cfg.SecretKey)
	r.Header.Set("Stripe-Version", Version)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	res, err := s.http.Do(r)
	if err != nil {
		return fmt.Errorf("stripe: %w", err)
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("stripe: read the answer: %w", err)
	case len(data) > maxAnswer:
		return fmt.Errorf("stripe: an answer of more than %d bytes", maxAnswer)
	case res.StatusCode == http.StatusOK:
		return unmarshal(data, answer)
	}
	return refusal(res, data)
}

func refusal(res *http.Response, data []byte) error {
	var told struct {
		Error struct {
			Type  string `json:"type"`
			Code  string `json:"code"`
			Param string `json:"param"`
		} `json:"error"`
	}
	e := &Error{Status: res.StatusCode, RequestID: res.Header.Get("Request-Id"), Replayed: res.Header.Get("Idempotent-Replayed") == "true"}
	if unmarshal(data, &told) == nil { // a proxy on the way may answer something else
		e.Type, e.Code, e.Param = told.Error.Type, told.Error.Code, told.Error.Param
	}
	return e
}

// unmarshal leaves out what was sent: it may name a buyer.
func unmarshal(data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return errors.New("stripe: the answer is not the JSON that is due")
	}
	return nil
}
