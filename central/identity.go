package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/con-ting/conting/central/identity"
	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/topic"
)

func (s *server) openIdentity(ctx context.Context) (err error) {
	cfg := identity.Config{
		Store: s.store.Identity(), People: s.accounts, Tickets: s.sale, Now: s.now, Logger: s.logger,
		FetchEvery: s.cfg.Identity.FetchEvery, Listed: s.fleet.Relist, Published: s.announceTrust,
	}
	if s.cfg.Identity.Fetch {
		cfg.Fetch = newFetcher().get
	}
	s.identity, err = identity.New(ctx, cfg)
	return err
}

// listings are the status lists that gates shall have.
func (s *server) listings(ctx context.Context) ([]topic.Listing, error) {
	all, err := s.store.Identity().StatusLists(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]topic.Listing, len(all))
	for i, l := range all {
		out[i] = topic.Listing{URL: l.URL, JWT: string(l.JWT)}
	}
	return out, nil
}

// fetcher gets status lists. The addresses are those that the organiser listed with
// the issuers; what comes is signed, so it is taken from whoever answers there, but
// nobody is sent on to another place within the organiser's network.
type fetcher struct{ client *http.Client }

const fetchTimeout = 15 * time.Second

var errFetch = errors.New("status list was not fetched")

func newFetcher() fetcher {
	return fetcher{&http.Client{
		Timeout:       fetchTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (f fetcher) get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errFetch, err)
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errFetch, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: %s", errFetch, resp.Status)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, credential.MaxStatusList+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errFetch, err)
	case len(b) > credential.MaxStatusList:
		return nil, fmt.Errorf("%w: it has more than %d bytes", errFetch, credential.MaxStatusList)
	}
	return b, nil
}
