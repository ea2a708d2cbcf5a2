package chain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// maxAnswer is the longest answer that is read, in bytes: a hundred accounts of
// [MaxData] bytes are 2.2 MB.
const maxAnswer = 8 << 20

// transport makes connections that end: a node that accepts one and says nothing more
// holds nobody up for longer than one request may take.
func transport(parallel int, timeout time.Duration) http.RoundTripper {
	dial := net.Dialer{Timeout: min(timeout, 5*time.Second), KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dial.DialContext,
		TLSHandshakeTimeout:    min(timeout, 5*time.Second),
		ResponseHeaderTimeout:  timeout,
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConnsPerHost:    parallel,
		IdleConnTimeout:        time.Minute,
		DisableCompression:     true, // an answer is as long as it is
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 15 * time.Second},
	}
}

// request makes one request to one node. The duration is what the node told to wait
// with an ErrBusy. Errors show nothing of the node's URL but its name.
func (c *Client) request(ctx context.Context, n *node, q question) (told time.Duration, err error) {
	select {
	case n.free <- struct{}{}:
		defer func() { <-n.free }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	began := c.cfg.Now()
	told, err = c.exchange(ctx, n, q)
	if err != nil && !final(err) {
		err = fmt.Errorf("%s: %w", n.name, err)
	}
	c.observed(Call{Method: q.method, Node: n.name, Took: c.cfg.Now().Sub(began), Err: err})
	return told, err
}

func (c *Client) exchange(ctx context.Context, n *node, q question) (told time.Duration, err error) {
	id := c.ids.Add(1)
	body, err := json.Marshal(struct {
		Version string `json:"jsonrpc"`
		ID      uint64 `json:"id"`
		Method  string `json:"method"`
		Params  []any  `json:"params,omitempty"`
	}{"2.0", id, q.method, q.params})
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrRejected, err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url, bytes.NewReader(body))
	if err != nil {
		return 0, errors.New("request cannot be made")
	}
	r.Header.Set("Content-Type", "application/json")
	if n.user != nil {
		password, _ := n.user.Password()
		r.SetBasicAuth(n.user.Username(), password)
	}
	res, err := c.http.Do(r)
	if err != nil {
		return 0, n.plain(err)
	}
	defer func() { err = errors.Join(err, n.plain(res.Body.Close())) }()
	if res.StatusCode == http.StatusSwitchingProtocols {
		// its body is the connection itself, which ends when the node likes
		return 0, fmt.Errorf("%w: another protocol", errGarbage)
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case res.StatusCode == http.StatusTooManyRequests:
		return c.retryAfter(res), ErrBusy
	case res.StatusCode == http.StatusUnauthorized, res.StatusCode == http.StatusForbidden:
		return 0, fmt.Errorf("%w: status %d", errDenied, res.StatusCode)
	case err != nil:
		return 0, n.plain(err)
	case len(data) > maxAnswer:
		return 0, fmt.Errorf("%w: more than %d bytes", errGarbage, maxAnswer)
	}
	result, err := open(data, id, q.explain)
	var f *fault
	switch {
	case errors.Is(err, ErrBusy):
		return c.retryAfter(res), err
	case errors.As(err, &f):
		return 0, fmt.Errorf("%w: code %d: %s", f.kind(), f.Code, n.clean(f.Message))
	case final(err):
		return 0, err
	case res.StatusCode != http.StatusOK:
		return c.retryAfter(res), fmt.Errorf("status %d", res.StatusCode)
	case err != nil:
		return 0, err
	}
	return 0, q.use(n, result)
}

// plain takes from an error what shows the URL.
func (n *node) plain(err error) error {
	if err == nil {
		return nil
	}
	var shown *url.Error
	if errors.As(err, &shown) {
		err = shown.Err
	}
	return errors.New(n.clean(err.Error()))
}

// retryAfter reads RFC 9110 section 10.2.3; zero if there is none. It is bounded.
func (c *Client) retryAfter(res *http.Response) time.Duration {
	v := res.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(v, 10, 32); err == nil {
		return min(toldRest, time.Duration(seconds)*time.Second)
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, min(toldRest, at.Sub(c.cfg.Now())))
	}
	return 0
}
