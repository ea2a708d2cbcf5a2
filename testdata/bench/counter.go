package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/con-ting/conting/central/surge"
	"github.com/con-ting/conting/sync/ticket"
)

// http is a whole sale through the built central: sign up, stand in the queue, hold, pay. Twice as many
// come as there are places.
func (b *saleBench) http(ctx context.Context) (double int, err error) {
	dir := filepath.Join(b.dir, "http")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return 0, err
	}
	o, err := openOffice(ctx, dir, b.bin, "")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, o.process.Stop()) }()
	const event = int(saleEvent)
	if err := errors.Join(o.sell(ctx, b.plan, event, b.buyers/2), o.openQueue(ctx, event, 60_000)); err != nil {
		return 0, err
	}
	client := &http.Client{Timeout: time.Minute}
	s, err := surge.OpenSale(ctx, surge.SaleConfig{
		URL: o.api, Event: ticket.EventID(event), People: b.buyers, Access: o.access.Mint, Client: client,
	})
	client.CloseIdleConnections()
	if err != nil {
		return 0, err
	}
	cfg := surge.Config{
		URL: o.api, People: b.buyers, Ramp: time.Duration(b.buyers) * 2 * time.Millisecond, Duration: 10 * time.Minute,
		Connections: clients, Now: time.Now,
	}
	if _, err := surge.Run(ctx, cfg, s.SignUp()); err != nil {
		return 0, err
	}
	if n, err := s.SignedUp(); err != nil || n < b.buyers {
		return 0, errors.Join(fmt.Errorf("%d of %d people could sign up", n, b.buyers), err)
	}
	cfg.Ramp = 2 * time.Second
	res, err := surge.Run(ctx, cfg, s)
	if err != nil {
		return 0, err
	}
	if err := keep(b.report, "sale", res); err != nil {
		return 0, err
	}
	if res.Counts["paid"] == 0 || res.Errors+res.Unsent > 0 {
		return 0, fmt.Errorf("counts %v, failures %v", res.Counts, res.Failures)
	}
	_, err = fmt.Fprintf(b.out, "http_paid=%d\nhttp_paid_per_s=%d\nhttp_seats_taken=%d\nhttp_errors=%d\n",
		res.Counts["paid"], res.Counts["paid_per_s"], res.Counts["seats_taken"], res.Errors+res.Unsent)
	for _, step := range []string{"enter", "poll", "hold", "pay"} {
		err = errors.Join(err, latency(b.out, "http_"+step+"_ms", res, step))
	}
	return int(res.Counts["double_sales"]), err
}
