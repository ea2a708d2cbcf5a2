package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/con-ting/conting/central/seatmap"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/ticket"
)

// admin talks to the API of the central that runs on the same data folder.
type admin struct {
	base, token string
	client      *http.Client
}

const (
	adminTimeout = 30 * time.Second
	maxAnswer    = 1 << 20
)

func newAdmin(config string) (*admin, error) {
	cfg, err := loadConfig(config)
	if err != nil {
		return nil, err
	}
	d := folder(cfg.DataDir)
	ad, err := d.addresses()
	if err != nil {
		return nil, err
	}
	token, err := d.text(tokenFile)
	if err != nil {
		return nil, err
	}
	return &admin{base: ad.API, token: token, client: &http.Client{Timeout: adminTimeout}}, nil
}

// call posts a JSON body and decodes the answer.
func (ad *admin) call(ctx context.Context, path string, body []byte, out any) error {
	return ad.ask(ctx, http.MethodPost, path, body, out)
}

// ask sends a JSON body, if there is one, and decodes the answer. A problem becomes
// an error with the server's own hint.
func (ad *admin) ask(ctx context.Context, method, path string, body []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, ad.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+ad.token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Idempotency-Key", rand.Text())
	resp, err := ad.client.Do(req)
	if err != nil {
		return hint.Errorf("is central running? see its log", "%w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 || strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") {
		var p struct {
			Title  string `json:"title"`
			Code   string `json:"code"`
			Detail string `json:"detail"`
			Hint   string `json:"hint"`
		}
		if json.Unmarshal(text, &p) != nil || p.Code == "" {
			return fmt.Errorf("central answered %s", resp.Status)
		}
		if p.Detail != "" {
			p.Title += ": " + p.Detail
		}
		return hint.Errorf(p.Hint, "%s (%s)", p.Title, p.Code)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}

func runImport(ctx context.Context, a *app, f *flags) error {
	if err := f.Want(1, 1); err != nil {
		return err
	}
	file, err := os.Open(f.Rest[0])
	if err != nil {
		return err
	}
	plan, err := io.ReadAll(io.LimitReader(file, seatmap.MaxPlan+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	ad, err := newAdmin(f.config)
	if err != nil {
		return err
	}
	var got struct {
		ID     ticket.EventID `json:"id"`
		Name   string         `json:"name"`
		Places int            `json:"places"`
		Added  bool           `json:"added"`
	}
	if err := ad.call(ctx, "/admin/v1/events", plan, &got); err != nil {
		return fmt.Errorf("import %s: %w", f.Rest[0], err)
	}
	what := "is on sale"
	if !got.Added {
		what = "was on sale already; nothing changed"
	}
	_, err = fmt.Fprintf(a.out, "event %s %q, %d places, %s\n", got.ID, got.Name, got.Places, what)
	return err
}

func runEnrolCode(ctx context.Context, a *app, f *flags) error {
	if err := f.Want(0, 0); err != nil {
		return err
	}
	if f.role == "" || len(f.events) == 0 {
		return f.Wrong("--role and --event are required")
	}
	if f.name == "" {
		f.name = f.role + "-" + strings.ToLower(rand.Text()[:6])
	}
	events := make([]ticket.EventID, len(f.events))
	for i, e := range f.events {
		var err error
		if events[i], err = ticket.ParseEventID(e); err != nil {
			return f.Wrong("%s", err)
		}
	}
	body, err := json.Marshal(map[string]any{"role": f.role, "name": f.name, "gate": f.gate, "events": events})
	if err != nil {
		return err
	}
	ad, err := newAdmin(f.config)
	if err != nil {
		return err
	}
	var got struct {
		Code    string          `json:"code"`
		Device  ticket.DeviceID `json:"device"`
		Expires time.Time       `json:"expires"`
	}
	if err := ad.call(ctx, "/admin/v1/enrol-codes", body, &got); err != nil {
		return err
	}
	if f.json {
		return json.NewEncoder(a.out).Encode(map[string]any{"text": got.Code, "device": got.Device, "expires": got.Expires})
	}
	_, err = fmt.Fprintf(a.out, "%s\nEnrols %s once, until %s. On the device: gate enrol '%s'\n",
		got.Code, got.Device, got.Expires.Local().Format(time.TimeOnly), got.Code)
	return err
}

func runRefund(ctx context.Context, a *app, f *flags) error {
	ad, err := f.target()
	if err != nil {
		return err
	}
	if err := ad.call(ctx, "/admin/v1/orders/"+f.Rest[0]+"/refund", []byte("{}"), nil); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "order %s is refunded; its tickets admit nobody\n", f.Rest[0])
	return err
}

func runRevoke(ctx context.Context, a *app, f *flags) error {
	ad, err := f.target()
	if err != nil {
		return err
	}
	var got struct {
		Announced bool `json:"announced"`
	}
	if err := ad.call(ctx, "/admin/v1/devices/"+f.Rest[0]+"/revoke", []byte("{}"), &got); err != nil {
		return err
	}
	if !got.Announced {
		return hint.Errorf("sign a new trust list where the root key is, put it into the data folder as "+listFile+", and restart central",
			"%s is shut out of central, but the gates do not know yet: the root key is offline", f.Rest[0])
	}
	_, err = fmt.Fprintf(a.out, "%s is out of the fleet\n", f.Rest[0])
	return err
}

// target is the one argument of a command, which must be safe in a path.
func (f *flags) target() (*admin, error) {
	if err := f.Want(1, 1); err != nil {
		return nil, err
	}
	if strings.Trim(f.Rest[0], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		return nil, f.Wrong("%q is no id", f.Rest[0])
	}
	return newAdmin(f.config)
}
