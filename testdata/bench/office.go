package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/testdata/stage"
)

// office is one central in a process of its own, with no gates.
type office struct {
	dir, bin string
	process  *stage.Process
	api      string // its address, the same after a restart
	origin   string // of its wallet's pages
	token    string // of the admin API
	access   *account.Access
}

// openOffice makes a central in dir, adds to its configuration, and starts it.
func openOffice(ctx context.Context, dir, bin, config string) (*office, error) {
	o := &office{dir: dir, bin: filepath.Join(bin, "central")}
	if _, err := stage.Run(ctx, o.bin, "init", "--dir", o.home(), "--host", "127.0.0.1"); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(o.config())
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(o.config(), append(text, config...), 0o600); err != nil {
		return nil, err
	}
	if err := o.start(ctx); err != nil {
		return nil, err
	}
	key, err := os.ReadFile(filepath.Join(o.home(), "keys", "challenge.key"))
	if err != nil {
		return nil, err
	}
	var challenge [32]byte
	if _, err := hex.Decode(challenge[:], bytes.TrimSpace(key)); err != nil {
		return nil, err
	}
	if o.access, err = account.NewAccess(challenge, time.Now); err != nil {
		return nil, err
	}
	token, err := os.ReadFile(filepath.Join(o.home(), "admin.token"))
	o.token = strings.TrimSpace(string(token))
	return o, err
}

func (o *office) home() string   { return filepath.Join(o.dir, "central") }
func (o *office) config() string { return filepath.Join(o.home(), "central.toml") }

// start starts central and waits until it is ready.
func (o *office) start(ctx context.Context) error {
	ready := filepath.Join(o.home(), "addresses.json")
	_ = os.Remove(ready)
	p, err := stage.Start(ctx, o.dir, "central", o.bin, nil, nil, "run", "--config", o.config())
	if err != nil {
		return err
	}
	o.process = p
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		var ad struct {
			API    string `json:"api"`
			Wallet string `json:"wallet"`
		}
		if text, err := os.ReadFile(ready); err == nil && json.Unmarshal(text, &ad) == nil && ad.API != "" {
			o.api, o.origin = ad.API, strings.TrimSuffix(ad.Wallet, "/wallet/")
			return nil
		}
		select {
		case <-look.C:
		case <-p.Done():
			return fmt.Errorf("central ended at its start; its log is %s", p.Log)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// sell puts an event like the sample's on sale, with its doors open now, and so many places where people
// stand.
func (o *office) sell(ctx context.Context, plan string, id, standing int) error {
	text, err := os.ReadFile(plan)
	if err != nil {
		return err
	}
	var doc struct {
		Format string         `json:"format"`
		Venue  map[string]any `json:"venue"`
		Event  map[string]any `json:"event"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return fmt.Errorf("%s: %w", plan, err)
	}
	zones, _ := doc.Venue["zones"].([]any)
	for _, z := range zones {
		if zone, ok := z.(map[string]any); ok && zone["standing"] != nil && standing > 0 {
			zone["standing"] = standing
		}
	}
	now := time.Now().UTC().Truncate(time.Second)
	doc.Event["id"] = id
	doc.Event["doors"], doc.Event["starts"], doc.Event["ends"] = now.Add(time.Hour), now.Add(2*time.Hour), now.Add(5*time.Hour)
	delete(doc.Event, "relying_party") // central's own
	_, err = o.admin(ctx, http.MethodPost, "/admin/v1/events", doc)
	return err
}

// admin asks the admin API.
func (o *office) admin(ctx context.Context, method, path string, in any) ([]byte, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, o.api+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+o.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, bytes.TrimSpace(text))
	}
	return text, nil
}

// openQueue lets the people of an event in, so many a minute, since a minute ago.
func (o *office) openQueue(ctx context.Context, event, perMinute int) error {
	_, err := o.admin(ctx, http.MethodPut, fmt.Sprintf("/admin/v1/events/%d/queue", event), map[string]any{
		"opens": time.Now().Add(-time.Minute).UTC(), "rate_per_minute": perMinute,
	})
	return err
}
