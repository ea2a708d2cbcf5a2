package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/frames"
	"github.com/con-ting/conting/testdata/stage"
)

const walkers = 40 // shown to the camera of a lane with a turnstile

// lockFigures measures through a whole lane: a camera's frames, the gate, the line
// to its turnstile, and the firmware's image in the emulator.
func lockFigures(ctx context.Context, w io.Writer, bin, dir, plan string) error {
	if dir == "" {
		made, err := os.MkdirTemp("", "conting-bench-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(made) }()
		dir = made
	}
	r := &rig{out: w, dir: dir}
	if err := r.open(ctx, bin, plan); err != nil {
		return err
	}
	defer func() { _ = r.stage.StopCentral() }()
	door, err := r.stage.Emulate(ctx, "north", filepath.Join(bin, "controller.elf"))
	if err != nil {
		return err
	}
	defer door.Close()
	return r.frameToLock(ctx, door)
}

// frameToLock is from the moment the camera begins to send the first frame that
// shows a code to the edge of the lock's pin. The camera sends ten frames a second:
// a code that only the second one shows well enough costs a tenth of a second.
func (r *rig) frameToLock(ctx context.Context, door *stage.Turnstile) error {
	var hall [][]byte // two: a camera that shows the same frame for long is taken for stuck
	for seed := range uint64(2) {
		shot, err := picture(frames.Empty, 1+seed, "")
		if err != nil {
			return err
		}
		hall = append(hall, shot)
	}
	phone, err := stage.NewPhone(ctx, hall)
	if err != nil {
		return err
	}
	defer phone.Close()
	g, err := r.stage.Enrol(ctx, r.event, "north", stage.Camera(phone.URL))
	if err != nil {
		return err
	}
	if err := g.Fit(door); err != nil {
		return err
	}
	if err := g.Start(ctx); err != nil {
		return err
	}
	defer r.done(g)
	if _, err := r.await(ctx, g, 0, func(v stage.Event) bool { return v.Event == "state" && v.Set > 0 && v.Connected }); err != nil {
		return err
	}
	if _, err := g.AwaitTurnstile(ctx, "ready"); err != nil {
		return err
	}
	var lock series
	for i := range walkers {
		b, err := r.buy(ctx, g)
		if err != nil {
			return err
		}
		took, err := r.walkIn(ctx, g, phone, b, uint64(5000+10*i))
		if err != nil {
			return err
		}
		lock.ms(took)
	}
	return r.print("frame_to_lock_ms", lock)
}

// walkIn shows a ticket to the camera, and has its holder walk in through the lane
// that opened. A code that went stale while its pictures were made is made again.
func (r *rig) walkIn(ctx context.Context, g *stage.Gate, phone *stage.Phone, b *stage.Bought, seed uint64) (time.Duration, error) {
	for {
		text, err := b.Text(time.Now())
		if err != nil {
			return 0, err
		}
		var shots [][]byte
		for k := range uint64(4) {
			shot, err := picture(frames.Gate, seed+k, text)
			if err != nil {
				return 0, err
			}
			shots = append(shots, shot)
		}
		since, mark := g.Feed.Mark(), g.Turnstile.Mark()
		phone.Show(shots)
		v, err := r.verdict(ctx, g, since)
		sent := phone.Sent()
		phone.Hide()
		switch {
		case err != nil:
			return 0, err
		case v.Reason == string(ticket.StalePass):
			continue
		case v.Outcome != ticket.Admit.String():
			return 0, fmt.Errorf("%s %s, want admit", v.Outcome, v.Reason)
		}
		fell, err := g.Turnstile.Opened(ctx, mark)
		if err != nil {
			return 0, err
		}
		if err := g.Turnstile.Walk(ctx); err != nil {
			return 0, err
		}
		return fell.Sub(sent), r.passed(ctx, g, since, v)
	}
}
