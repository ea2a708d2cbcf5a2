package api

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

// Replies remembers the answers to requests that carried an Idempotency-Key.
// Keys and requests are SHA-256 hashes; answers are sealed.
type Replies interface {
	// ClaimReply reports claimed when nobody worked on key before, or when
	// whoever did has not answered since abandoned. Otherwise it returns the
	// request that was made under the key and the answer; status 0 means that
	// it is being made. It drops what began before forget.
	ClaimReply(ctx context.Context, key, request [32]byte, abandoned, forget time.Time) (claimed bool, asked [32]byte, status int, sealed []byte, err error)

	// SaveReply stores the answer to a claimed request.
	SaveReply(ctx context.Context, key [32]byte, status int, sealed []byte) error

	// DropReply forgets a claim.
	DropReply(ctx context.Context, key [32]byte) error
}

const (
	keepReplies  = 24 * time.Hour
	saveDeadline = 5 * time.Second
)

// once is answer for a request that must take effect once: if it carries an
// Idempotency-Key and was answered before, that answer is given again. The key
// with another body, address, authorization or person is refused.
func (a *API) once(h handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		key := c.GetHeader("Idempotency-Key")
		if key == "" {
			a.answer(h)(c)
			return
		}
		if !word(key, 16, 128) {
			a.fail(c, codeError("idempotency_key_invalid"))
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, maxBody))
		if err != nil {
			a.fail(c, unreadable(err))
			return
		}
		c.Request.Body = io.NopCloser(bytes.NewReader(body))
		r := reply{api: a, key: key, id: hashParts(c.Request.Method, c.Request.URL.Path, key)}
		parts := []string{c.GetHeader("Authorization"), c.GetHeader("Content-Type"), string(body)}
		if p, ok := person(c); ok {
			parts = append(parts, p.ID)
		}
		r.request = hashParts(parts...)
		r.serve(c, h)
	}
}

// unreadable is the problem with a body that cannot be read to its end.
func unreadable(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return err
	}
	return codeError("malformed_body")
}

// reply is one request under its key.
type reply struct {
	api         *API
	key         string
	id, request [32]byte
	claimed     time.Time
}

func (r *reply) serve(c *gin.Context, h handler) {
	now := r.api.cfg.Now()
	if at, is := r.api.orphans.take(r.id, now.Add(-r.api.cfg.Timeout)); is {
		r.claimed = at
		r.drop(c.Request.Context())
	}
	r.claimed = now
	claimed, asked, status, sealed, err := r.api.cfg.Replies.ClaimReply(c.Request.Context(), r.id, r.request, now.Add(-2*r.api.cfg.Timeout), now.Add(-keepReplies))
	switch {
	case err != nil:
		r.api.fail(c, err)
	case claimed:
		r.first(c, h)
	case asked != r.request:
		r.api.fail(c, codeError("idempotency_key_reused"))
	case status == 0:
		r.api.fail(c, codeError("request_in_progress"))
	default:
		r.again(c, status, sealed)
	}
}

// first does the work and keeps the answer, unless a repetition could have a
// better one.
func (r *reply) first(c *gin.Context, h handler) {
	kept := false
	defer func() { // also when the handler panics
		if !kept {
			r.drop(c.Request.Context())
		}
	}()
	status, body, err := h(c.Request.Context(), c)
	if err != nil {
		p := describe(err)
		status, body = p.Status, p
	}
	if final(status) {
		kept = r.keep(c.Request.Context(), status, body)
	}
	if err != nil {
		r.api.fail(c, err)
		return
	}
	c.JSON(status, body)
}

// keep stores the answer even if the caller has gone.
func (r *reply) keep(ctx context.Context, status int, body any) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveDeadline)
	defer cancel()
	sealed, err := r.seal(body)
	if err == nil {
		err = r.api.cfg.Replies.SaveReply(ctx, r.id, status, sealed)
	}
	if err != nil {
		r.api.cfg.Logger.WarnContext(ctx, "keep reply", slog.String("error", err.Error()))
	}
	return err == nil
}

// drop lets the same request be tried again.
func (r *reply) drop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveDeadline)
	defer cancel()
	if err := r.api.cfg.Replies.DropReply(ctx, r.id); err != nil {
		r.api.cfg.Logger.WarnContext(ctx, "drop reply", slog.String("error", err.Error()))
		r.api.orphans.put(r.id, r.claimed)
	}
}

// orphans are claims of this process whose work has ended, and which could not be
// dropped because the database was away: who repeats the request need not wait until
// they count as abandoned. The zero value is ready.
type orphans struct {
	mu  sync.Mutex             // guards all
	all map[[32]byte]time.Time // when it was claimed
}

const maxOrphans = 10_000

func (o *orphans) put(id [32]byte, claimed time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all == nil || len(o.all) >= maxOrphans {
		o.all = make(map[[32]byte]time.Time) // those that were there are abandoned in time
	}
	o.all[id] = claimed
}

// take returns when an orphan was claimed, if that was after a time: one that is older
// may be another's by now. It is forgotten either way.
func (o *orphans) take(id [32]byte, after time.Time) (claimed time.Time, is bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	claimed, is = o.all[id]
	delete(o.all, id)
	return claimed, is && claimed.After(after)
}

// final reports whether the same request would always be answered so.
func final(status int) bool {
	return status != http.StatusAccepted && status != http.StatusUnauthorized && status < http.StatusInternalServerError
}

func (r *reply) again(c *gin.Context, status int, sealed []byte) {
	body, err := r.open(sealed)
	if err != nil {
		r.api.fail(c, fmt.Errorf("open reply: %w", err))
		return
	}
	c.Header("Idempotency-Replayed", "true")
	kind := "application/json; charset=utf-8"
	if status >= http.StatusBadRequest {
		kind = problemType
	}
	c.Data(status, kind, body)
}

// An answer may hold an order's secret, which the database must not. So it is
// sealed with AES-256-GCM under a key that only the Idempotency-Key gives.

func (r *reply) seal(body any) ([]byte, error) {
	plain, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	aead, err := r.aead()
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return aead.Seal(nonce, nonce, plain, r.id[:]), nil
}

func (r *reply) open(sealed []byte) ([]byte, error) {
	aead, err := r.aead()
	if err != nil {
		return nil, err
	}
	if len(sealed) < aead.NonceSize() {
		return nil, errors.New("too short")
	}
	return aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], r.id[:])
}

func (r *reply) aead() (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, []byte(r.key), r.id[:], "conting/reply/v1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// hashParts hashes parts so that no two lists of them collide.
func hashParts(parts ...string) [32]byte {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p) // a hash never fails
	}
	return [32]byte(h.Sum(nil))
}
