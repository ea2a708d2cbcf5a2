package pay

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"
)

// SandboxSignature is the header in which the sandbox authenticates a webhook's
// body: HMAC-SHA-256 in hexadecimal, under a key that only its book has.
const SandboxSignature = "Sandbox-Signature"

const (
	deliverEvery = 500 * time.Millisecond // how often Run looks for what is due
	deliverAgain = 5 * time.Second        // after a webhook that was not taken
	deliverBatch = 100
)

// message is the body of the sandbox's webhook.
type message struct {
	Reference string `json:"reference"`
	State     State  `json:"state"` // for people; the shop asks
}

// Run delivers webhooks until the context ends and returns its error.
func (s *Sandbox) Run(ctx context.Context) error {
	tick := time.NewTicker(deliverEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if _, err := s.Deliver(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Logger.WarnContext(ctx, "sandbox: webhook was not taken", slog.String("error", err.Error()))
		}
	}
}

// Deliver delivers the webhooks that are due, at most 100, and returns how many
// were taken. One that was not is due again in five seconds. Two processes that
// share a book may both deliver the same one, as real providers do.
func (s *Sandbox) Deliver(ctx context.Context) (taken int, err error) {
	if s.cfg.Deliver == nil {
		return 0, nil
	}
	due, err := s.due(ctx)
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, p := range due {
		body, err := json.Marshal(message{Reference: p.Reference, State: p.State})
		if err != nil {
			return taken, err
		}
		header := http.Header{"Content-Type": {"application/json"}, SandboxSignature: {s.sign(body)}}
		if err := s.cfg.Deliver(ctx, header, body); err != nil {
			errs = append(errs, err)
			continue
		}
		taken++
		_, err = s.change(ctx, p.Reference, func(a *attempt) error {
			a.Notices = max(a.Notices-1, 0)
			return nil
		})
		errs = append(errs, err)
	}
	return taken, errors.Join(errs...)
}

// due lists payments whose webhook is due and puts each off, in case it is not
// taken.
func (s *Sandbox) due(ctx context.Context) ([]Payment, error) {
	now := s.cfg.Now()
	var names []string
	err := s.locked(func() error {
		for name, at := range s.owed {
			if at <= now.UnixMilli() && len(names) < deliverBatch {
				names = append(names, name)
				s.owed[name] = now.Add(deliverAgain).UnixMilli()
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	out := make([]Payment, 0, len(names))
	for _, name := range names {
		p, err := s.Get(ctx, name) // takes the money if it is time
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func (s *Sandbox) sign(body []byte) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// Webhook implements [Provider].
func (s *Sandbox) Webhook(_ context.Context, header http.Header, body []byte) (Notice, error) {
	if len(body) > MaxWebhook || !hmac.Equal([]byte(header.Get(SandboxSignature)), []byte(s.sign(body))) {
		return Notice{}, ErrForged
	}
	var m message
	if err := json.Unmarshal(body, &m); err != nil {
		return Notice{}, fmt.Errorf("%w: %w", ErrForged, err)
	}
	return Notice{Reference: m.Reference}, nil
}
