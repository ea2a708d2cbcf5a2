package mint_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/mint/chain"
	"github.com/con-ting/conting/sync/ticket"
)

// spy is a transport that keeps the transactions that it carries.
type spy struct {
	mu              sync.Mutex // guards those below
	simulated, sent [][]byte
	lies            bool // says of every transaction that it is final

	refuses func(wire []byte) bool // says whether a transaction is answered as no request; may be nil

	sending func(wire []byte) // is called before a transaction goes out; may be nil
}

// spied is a client whose requests a spy sees.
func (w *world) spied(s *spy) *chain.Client {
	w.Helper()
	c, err := chain.New(w.Context(), chain.Config{Nodes: []string{w.net.URL}, Now: time.Now, Log: slog.New(slog.DiscardHandler), Transport: s})
	must(w.T, err)
	w.Cleanup(c.Close)
	return c
}

func (s *spy) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var call struct {
		Method string          `json:"method"`
		Params []any           `json:"params"`
		ID     json.RawMessage `json:"id"`
	}
	if err := json.Unmarshal(body, &call); err != nil {
		return nil, err
	}
	if call.Method == "simulateTransaction" || call.Method == "sendTransaction" {
		wire, err := base64.StdEncoding.DecodeString(fmt.Sprint(call.Params[0]))
		if err != nil {
			return nil, err
		}
		if s.refuses != nil && s.refuses(wire) {
			answer := fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"error":{"code":-32602,"message":"Invalid params"}}`, call.ID)
			return &http.Response{
				StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(answer)),
				Body: io.NopCloser(strings.NewReader(answer)), Request: r,
			}, nil
		}
		s.mu.Lock()
		if call.Method == "sendTransaction" {
			if s.sent = append(s.sent, wire); s.sending != nil {
				s.sending(wire)
			}
		} else {
			s.simulated = append(s.simulated, wire)
		}
		s.mu.Unlock()
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	s.mu.Lock()
	lies := s.lies && call.Method == "getSignatureStatuses"
	s.mu.Unlock()
	if err != nil || !lies {
		return res, err
	}
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	const final = `{"slot":1,"confirmations":null,"err":null,"status":{"Ok":null},"confirmationStatus":"finalized"}`
	answer = bytes.ReplaceAll(answer, []byte("null"), []byte(final))
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(answer)), int64(len(answer))
	return res, nil
}

func (s *spy) lie(lies bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lies = lies
}

// sets are roots of ticket sets.
type sets struct{}

func (sets) Root(_ context.Context, event ticket.EventID, version uint64) (mint.Root, error) {
	switch version {
	case 0:
		return mint.Root{}, mint.ErrUnknownSet
	case 5, 6: // renewed without a change
		version = 4
	case 8:
		return mint.Root{}, mint.ErrBadSet
	}
	return mint.Root{Event: event, Version: version, Root: [32]byte{byte(version)}, Chunks: [][32]byte{{1}, {2}}}, nil
}
