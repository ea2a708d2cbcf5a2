package camera

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"time"
)

// httpSource is a camera that serves Motion JPEG over HTTP.
type httpSource struct {
	url    *url.URL
	client *http.Client
	stall  time.Duration
	now    func() time.Time
}

// newHTTPSource makes a client of its own: short limits, no proxy (the camera is in the venue's own
// network), few redirects.
func newHTTPSource(u *url.URL, cfg Config) *httpSource {
	return &httpSource{url: u, stall: cfg.StallAfter, now: cfg.Now, client: &http.Client{
		Transport: &http.Transport{
			DialContext:            (&net.Dialer{Timeout: cfg.StallAfter}).DialContext,
			TLSHandshakeTimeout:    cfg.StallAfter,
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true,
			DisableKeepAlives:      true,
		},
		CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			if len(via) > 3 {
				return fmt.Errorf("%w: more than 3 redirects", ErrStream)
			}
			return nil
		},
	}}
}

func (s *httpSource) lasting() bool { return true }
func (s *httpSource) paced() bool   { return true }

// open asks for the stream. The whole exchange ends when nothing comes for the stall time.
func (s *httpSource) open(ctx context.Context) (stream, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	quiet := time.AfterFunc(s.stall, func() {
		cancel(fmt.Errorf("%w: no frame for %v", ErrStream, s.stall))
	})
	st := &httpStream{ctx: ctx, cancel: cancel, quiet: quiet, stall: s.stall, now: s.now}
	if err := st.ask(s.client, s.url); err != nil {
		err = st.because(err)
		_ = st.close()
		return nil, err
	}
	return st, nil
}

// httpStream is one answer of the camera.
type httpStream struct {
	ctx    context.Context // of the request; it owns the connection
	cancel context.CancelCauseFunc
	quiet  *time.Timer // cancels ctx unless it is reset in time
	stall  time.Duration
	now    func() time.Time
	body   io.ReadCloser
	parts  *parts
}

func (s *httpStream) ask(client *http.Client, u *url.URL) error {
	req, err := http.NewRequestWithContext(s.ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req) //nolint:bodyclose // close does
	if u := (*url.Error)(nil); errors.As(err, &u) {
		return u.Err // without the address: many cameras want their password in its query
	}
	if err != nil {
		return err
	}
	s.body = resp.Body
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: the camera answers %d; check address and password", ErrStream, resp.StatusCode)
	}
	kind, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return fmt.Errorf("%w: content type: %w", ErrStream, err)
	}
	if kind != "multipart/x-mixed-replace" && kind != "multipart/mixed" {
		return fmt.Errorf("%w: the camera answers with %q; look for the address of its Motion JPEG stream", ErrStream, kind)
	}
	s.parts, err = newParts(resp.Body, params["boundary"])
	return err
}

// read returns the next picture. A part that is no usable JPEG wraps ErrFrame.
func (s *httpStream) read(context.Context) (*image.Gray, time.Time, error) {
	data, err := s.parts.next()
	if err != nil {
		return nil, time.Time{}, s.because(err)
	}
	at := s.now()
	s.quiet.Reset(s.stall)
	gray, err := decode(data)
	return gray, at, err
}

// because prefers the reason for which we hung up to what the connection says about it. The end of
// a stream is a failure: a camera's never ends.
func (s *httpStream) because(err error) error {
	if cause := context.Cause(s.ctx); cause != nil {
		return cause
	}
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: it ended", ErrStream)
	}
	return err
}

func (s *httpStream) close() error {
	s.quiet.Stop()
	s.cancel(nil)
	if s.body == nil {
		return nil
	}
	return s.body.Close()
}
