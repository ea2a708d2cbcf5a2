package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/stage"
)

// The relying party of the sample venue.
var site = ticket.RelyingParty{ID: "tickets.example", Origin: "https://tickets.example"}

// room is more than all figures together sell.
const room = 5000

// rig is a venue to measure on.
type rig struct {
	out   io.Writer
	dir   string
	stage *stage.Stage
	event ticket.EventID
}

func gateFigures(ctx context.Context, w io.Writer, bin, dir, plan string) error {
	if dir == "" {
		made, err := os.MkdirTemp("", "conting-bench-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(made) }()
		dir = made
	}
	r := &rig{out: w, dir: dir}
	for _, figure := range []func(context.Context) error{
		r.frameWithoutCode, r.verifyForms, r.bareInsert,
	} {
		if err := figure(ctx); err != nil {
			return err
		}
	}
	if err := r.open(ctx, bin, plan); err != nil {
		return err
	}
	defer func() { _ = r.stage.StopCentral() }()
	for _, figure := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"frames", r.frameToVerdict},
		{"texts", r.texts},
		{"sets", r.sets},
	} {
		if err := figure.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", figure.name, err)
		}
	}
	return nil
}

// open starts central with the event on sale.
func (r *rig) open(ctx context.Context, bin, plan string) (err error) {
	if r.stage, err = stage.New(ctx, r.dir, bin); err != nil {
		return err
	}
	if r.event, err = r.stage.Import(ctx, plan, time.Now(), room); err != nil {
		return errors.Join(err, r.stage.StopCentral())
	}
	return nil
}

// figures prints named series in order.
func (r *rig) print(name string, s series) error { return s.print(r.out, name) }
