package api

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
)

const requestIDKey = "request_id"

func requestID(c *gin.Context) string { return c.GetString(requestIDKey) }

// identify names the request: as its sender did, if that is a plain word, or at
// random.
func (a *API) identify(c *gin.Context) {
	id := c.GetHeader("X-Request-Id")
	if !word(id, 1, 64) {
		id = rand.Text()
	}
	c.Set(requestIDKey, id)
	c.Header("X-Request-Id", id)
}

// legible takes from the path's parameters what no name has and not every database
// can be asked for: bytes that are no text, and the character of none. What is left
// is a name that nothing has.
func (a *API) legible(c *gin.Context) {
	for i, p := range c.Params {
		if !text(p.Value) {
			c.Params[i].Value = "\uFFFD"
		}
	}
}

// text reports whether s is UTF-8 without the character of none.
func text(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// word reports whether s is letters, digits, hyphens and underscores.
func word(s string, least, most int) bool {
	if len(s) < least || len(s) > most {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// log writes one line for each request: the route, not the path, so that no
// order id and nothing that a caller wrote gets into it.
func (a *API) log(c *gin.Context) {
	began := a.cfg.Now()
	c.Next()
	route := c.FullPath()
	if route == "" {
		route = "none"
	}
	a.cfg.Logger.InfoContext(c.Request.Context(), "request",
		slog.String("request_id", requestID(c)),
		slog.String("method", method(c.Request.Method)),
		slog.String("route", route),
		slog.Int("status", c.Writer.Status()),
		slog.Int("bytes", max(c.Writer.Size(), 0)),
		slog.Duration("took", a.cfg.Now().Sub(began)),
	)
}

// method keeps invented methods out of the log.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// guard sets the headers that keep a browser from doing what nobody meant. The
// pages widen the policy by their own style sheet.
func (a *API) guard(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if a.overTLS || c.Request.TLS != nil {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// recover answers 500 instead of closing the connection.
func (a *API) recover(c *gin.Context) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		a.cfg.Logger.ErrorContext(c.Request.Context(), "handler panicked", slog.String("request_id", requestID(c)),
			slog.String("route", c.FullPath()), slog.String("stack", string(debug.Stack())))
		if !c.Writer.Written() {
			a.fail(c, fmt.Errorf("panic: %v", v))
		}
		c.Abort()
	}()
	c.Next()
}

// deadline bounds the work on a request.
func (a *API) deadline(c *gin.Context) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), a.cfg.Timeout)
	defer cancel()
	c.Request = c.Request.WithContext(ctx)
	c.Next()
}
