// Package stage sets up a whole venue on this machine out of the built
// commands: central, gates, the cables between them, phones held up to cameras,
// turnstiles with people in them, and a customer with a wallet. The demo plays on it
// and the benches measure on it.
//
// It is no part of the product. Everything listens on loopback, on ports that
// the system chooses, and lives in one folder.
package stage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// Stage is one venue with its central server.
type Stage struct {
	Dir string // everything that the commands keep
	Bin string // the built commands

	DecodeBudget string // of the gates' cameras; the default if empty

	central *Process
	config  string
	addr    addresses
	token   string
}

// addresses is what central writes when it is ready.
type addresses struct {
	API    string `json:"api"`
	Device string `json:"device"`
	MQTT   string `json:"mqtt"`
	Wallet string `json:"wallet"`
}

// New initialises and starts a central server in dir.
func New(ctx context.Context, dir, bin string) (*Stage, error) {
	s := &Stage{Dir: dir, Bin: bin}
	home := filepath.Join(dir, "central")
	if _, err := Run(ctx, s.command("central"), "init", "--dir", home, "--host", "127.0.0.1"); err != nil {
		return nil, err
	}
	s.config = filepath.Join(home, "central.toml")
	if err := appendTo(s.config, "\n[publish]\nbeacon_every = \"2s\"\n"); err != nil {
		return nil, err
	}
	if err := s.StartCentral(ctx); err != nil {
		return nil, err
	}
	token, err := os.ReadFile(s.TokenFile())
	if err != nil {
		return nil, err
	}
	s.token = strings.TrimSpace(string(token))
	return s, nil
}

func (s *Stage) command(name string) string { return filepath.Join(s.Bin, name) }

// StartCentral starts central and waits until it is ready.
func (s *Stage) StartCentral(ctx context.Context) error {
	ready := filepath.Join(s.Dir, "central", "addresses.json")
	_ = os.Remove(ready)
	p, err := Start(ctx, s.Dir, "central", s.command("central"), nil, nil, "run", "--config", s.config)
	if err != nil {
		return err
	}
	s.central = p
	return awaitFile(ctx, p, ready, &s.addr)
}

// StopCentral ends central.
func (s *Stage) StopCentral() error { return s.central.Stop() }

// TokenFile is where central keeps the admin token.
func (s *Stage) TokenFile() string { return filepath.Join(s.Dir, "central", "admin.token") }

// Page is the address of central's page for people.
func (s *Stage) Page() string { return s.addr.API }

// Wallet is the address of the wallet's pages.
func (s *Stage) Wallet() string { return s.addr.Wallet }

// RelyingParty is whom the passkeys of this venue's visitors are made for: the
// origin of the wallet's pages.
func (s *Stage) RelyingParty() (ticket.RelyingParty, error) {
	u, err := url.Parse(s.addr.Wallet)
	if err != nil {
		return ticket.RelyingParty{}, err
	}
	rp := ticket.RelyingParty{ID: u.Hostname(), Origin: u.Scheme + "://" + u.Host}
	return rp, rp.Check()
}

// Import gives central an event file whose times are moved so that doors are
// open now, and whose relying party is central's own. Unless it is 0, standing is
// how many people fit where they stand.
func (s *Stage) Import(ctx context.Context, file string, now time.Time, standing int) (ticket.EventID, error) {
	return s.importAs(ctx, file, func(doc map[string]any) (ticket.EventID, error) { return adapt(doc, now, standing) })
}

// ImportShow is Import for another show in the same hall, under an id of its own, whose
// orders may be given back until its doors open tomorrow.
func (s *Stage) ImportShow(ctx context.Context, file string, id ticket.EventID, now time.Time, standing int) error {
	_, err := s.importAs(ctx, file, func(doc map[string]any) (ticket.EventID, error) {
		tomorrow := now.AddDate(0, 0, 1)
		if _, err := adapt(doc, tomorrow, standing); err != nil {
			return 0, err
		}
		return id, another(doc, id, tomorrow)
	})
	return err
}

func (s *Stage) importAs(ctx context.Context, file string, change func(map[string]any) (ticket.EventID, error)) (ticket.EventID, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		return 0, fmt.Errorf("%s: %w", file, err)
	}
	id, err := change(doc)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", file, err)
	}
	moved, err := json.Marshal(doc)
	if err != nil {
		return 0, err
	}
	path := filepath.Join(s.Dir, "event-"+id.String()+".json")
	if err := os.WriteFile(path, moved, 0o600); err != nil {
		return 0, err
	}
	_, err = Run(ctx, s.command("central"), "import", "--config", s.config, path)
	return id, err
}

// awaitFile waits until a starting process has written its addresses.
func awaitFile(ctx context.Context, p *Process, path string, v any) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if b, err := os.ReadFile(path); err == nil {
			return json.Unmarshal(b, v)
		}
		select {
		case <-tick.C:
		case <-p.Done():
			return fmt.Errorf("it ended at its start; its log is %s: %s", p.Log, tail(p.Log))
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w; its log is %s: %s", ctx.Err(), p.Log, tail(p.Log))
		}
	}
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// tail returns the last lines of a log.
func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-4):], "\n")
}
