package stripe

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/con-ting/conting/central/pay"
)

// SignatureHeader is where Stripe signs its webhooks:
//
//	Stripe-Signature: t=1700000000,v1=HEX,v1=HEX,v0=HEX
//
// Each v1 is HMAC-SHA-256 of "t.body" under one of the endpoint's secrets, of which
// there are two while one is replaced. Other schemes are not looked at.
// https://docs.stripe.com/webhooks/signature
const SignatureHeader = "Stripe-Signature"

// Tolerance is how old a webhook may be, as Stripe recommends, and how far in the
// future. Within it a webhook may come again, which tells no more than the first time.
const Tolerance = 5 * time.Minute

const (
	maxHeader     = 4 << 10 // of a signature header, in bytes
	maxSignatures = 16
)

// event is as much of a webhook as is read.
type event struct {
	Object string `json:"object"`
	Live   bool   `json:"livemode"`
	Data   struct {
		Object struct {
			ID            string          `json:"id"`
			Object        string          `json:"object"`
			PaymentIntent json.RawMessage `json:"payment_intent"` // its id, null, or all of it
		} `json:"object"`
	} `json:"data"`
}

// Webhook implements [pay.Provider].
func (s *Stripe) Webhook(_ context.Context, header http.Header, body []byte) (pay.Notice, error) {
	if len(body) > pay.MaxWebhook {
		return pay.Notice{}, fmt.Errorf("a body of %d bytes: %w", len(body), pay.ErrForged)
	}
	at, signatures, err := parseSignature(header.Values(SignatureHeader))
	if err != nil {
		return pay.Notice{}, err
	}
	if !s.signed(at, signatures, body) {
		return pay.Notice{}, fmt.Errorf("no signature is by a secret of ours: %w", pay.ErrForged)
	}
	if off := s.cfg.Now().Sub(time.Unix(at, 0)); off > Tolerance || off < -Tolerance {
		return pay.Notice{}, fmt.Errorf("signed %s ago by this machine's clock: %w", off.Round(time.Second), pay.ErrForged)
	}
	var e event
	if err := json.Unmarshal(body, &e); err != nil || e.Object != "event" {
		return pay.Notice{}, nil //nolint:nilerr // Stripe's, and nothing that we know
	}
	if e.Live != s.live {
		return pay.Notice{}, nil
	}
	o := e.Data.Object
	reference := o.ID
	if o.Object != "payment_intent" {
		reference = "" // a charge, a refund, a dispute
		var id string
		var whole struct {
			ID string `json:"id"`
		}
		switch {
		case json.Unmarshal(o.PaymentIntent, &id) == nil:
			reference = id
		case json.Unmarshal(o.PaymentIntent, &whole) == nil:
			reference = whole.ID
		}
	}
	if _, err := intentPath(reference); err != nil {
		return pay.Notice{}, nil //nolint:nilerr // about something else
	}
	return pay.Notice{Reference: reference}, nil
}

// signed reports whether one of the signatures is by one of our secrets. All are
// compared, each in constant time.
func (s *Stripe) signed(at int64, signatures [][]byte, body []byte) bool {
	found := false
	for _, secret := range s.cfg.WebhookSecrets {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(strconv.AppendInt(nil, at, 10))
		mac.Write([]byte{'.'})
		mac.Write(body)
		want := mac.Sum(nil)
		for _, got := range signatures {
			found = hmac.Equal(got, want) || found
		}
	}
	return found
}

// parseSignature reads a signature header: one t, and the v1 signatures.
func parseSignature(headers []string) (at int64, v1 [][]byte, err error) {
	bad := func(what string) (int64, [][]byte, error) {
		return 0, nil, fmt.Errorf("%s: %w", what, pay.ErrForged)
	}
	if len(headers) != 1 || len(headers[0]) > maxHeader {
		return bad("not one signature header")
	}
	timed := false
	for part := range strings.SplitSeq(headers[0], ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch key {
		case "t":
			if at, err = strconv.ParseInt(value, 10, 64); err != nil || timed || at < 0 || strconv.FormatInt(at, 10) != value {
				return bad("the signature's time is not one number")
			}
			timed = true
		case "v1":
			sum, err := hex.DecodeString(value)
			if err != nil || len(sum) != sha256.Size || len(v1) == maxSignatures {
				return bad("a signature is malformed")
			}
			v1 = append(v1, sum)
		}
	}
	if !timed || len(v1) == 0 {
		return bad("no signature")
	}
	return at, v1, nil
}
