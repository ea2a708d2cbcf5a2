package main

import (
	"context"
	"fmt"
	"image"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/frames"
	"github.com/con-ting/conting/testdata/stage"
)

const (
	holders  = 60   // shown to the camera
	refunds  = 50   // one after the other
	typed    = 300  // decided from their text
	offline  = 5000 // damaged passes, refused and journaled while the cable is cut
	patience = time.Minute
)

// frameToVerdict shows one holder after the other to a gate's camera.
func (r *rig) frameToVerdict(ctx context.Context) error {
	var blank [][]byte // two: a camera that shows the same frame for long is taken for stuck
	for seed := range uint64(2) {
		shot, err := picture(frames.Empty, 1+seed, "")
		if err != nil {
			return err
		}
		blank = append(blank, shot)
	}
	phone, err := stage.NewPhone(ctx, blank)
	if err != nil {
		return err
	}
	defer phone.Close()
	g, err := r.gate(ctx, "north", stage.Camera(phone.URL))
	if err != nil {
		return err
	}
	defer r.done(g)
	var verdict, disk series
	for i := range holders {
		b, err := r.buy(ctx, g)
		if err != nil {
			return err
		}
		text, err := b.Text(time.Now())
		if err != nil {
			return err
		}
		var shots [][]byte
		for k := range 4 {
			shot, err := picture(frames.Gate, uint64(100+10*i+k), text)
			if err != nil {
				return err
			}
			shots = append(shots, shot)
		}
		since := g.Feed.Mark()
		phone.Show(shots)
		v, err := r.verdict(ctx, g, since)
		phone.Hide()
		if err != nil {
			return err
		}
		verdict.add(v.DoneMS)
		disk.add(v.DiskMS)
		if err := r.passed(ctx, g, since, v); err != nil {
			return err
		}
	}
	return r.print("frame_to_verdict_ms", verdict)
}

// texts decides from texts, as a scan engine gives them; measures how soon a
// refund is known; and uploads a journal that piled up behind a cut cable.
func (r *rig) texts(ctx context.Context) error {
	g, err := r.gate(ctx, "south", "")
	if err != nil {
		return err
	}
	defer r.done(g)
	var disk series
	for range typed {
		b, err := r.buy(ctx, g)
		if err != nil {
			return err
		}
		v, err := r.typeIn(ctx, g, b)
		if err != nil {
			return err
		}
		disk.add(v.DiskMS)
	}
	if err := r.print("durable_verdict_ms", disk); err != nil {
		return err
	}
	if err := r.revocation(ctx, g); err != nil {
		return err
	}
	if err := r.transfer(ctx, g); err != nil {
		return err
	}
	return r.upload(ctx, g)
}

// revocation is from central's answer to a refund until the gate knows.
func (r *rig) revocation(ctx context.Context, g *stage.Gate) error {
	var s series
	for range refunds {
		b, err := r.buy(ctx, g)
		if err != nil {
			return err
		}
		from := state(g)
		began := time.Now()
		if err := r.stage.Refund(ctx, b); err != nil {
			return err
		}
		if err := r.learns(ctx, g, from); err != nil {
			return err
		}
		s.ms(time.Since(began))
	}
	return r.print("revocation_ms", s)
}

// upload is how fast a journal reaches central once the cable is back, with
// central's acknowledgement of the last entry as its end.
func (r *rig) upload(ctx context.Context, g *stage.Gate) error {
	since := g.Feed.Mark()
	g.Cable.Pull()
	if _, err := r.await(ctx, g, since, func(v stage.Event) bool { return v.Event == "state" && !v.Connected }); err != nil {
		return err
	}
	for i := range offline {
		since := g.Feed.Mark()
		if err := g.Type(fmt.Sprintf("CTR1%d", i)); err != nil {
			return err
		}
		if _, err := r.verdict(ctx, g, since); err != nil {
			return err
		}
	}
	since = g.Feed.Mark()
	g.Cable.Plug()
	if _, err := r.await(ctx, g, since, func(v stage.Event) bool { return v.Event == "state" && v.Connected }); err != nil {
		return err
	}
	began := time.Now()
	if _, err := r.await(ctx, g, since, func(v stage.Event) bool { return v.Event == "state" && v.Connected && v.Unacked == 0 }); err != nil {
		return err
	}
	return r.print("journal_upload_per_s", series{offline / time.Since(began).Seconds()})
}

// gate enrols and starts a gate and waits until it has the set.
func (r *rig) gate(ctx context.Context, name string, camera stage.Camera) (*stage.Gate, error) {
	g, err := r.stage.Enrol(ctx, r.event, name, camera)
	if err != nil {
		return nil, err
	}
	if err := g.Start(ctx); err != nil {
		return nil, err
	}
	_, err = r.await(ctx, g, 0, func(v stage.Event) bool { return v.Event == "state" && v.Set > 0 && v.Connected })
	return g, err
}

func (r *rig) done(g *stage.Gate) {
	_ = g.Stop()
	g.Cable.Close()
}

// buy sells a standing ticket and waits until the gate knows it.
func (r *rig) buy(ctx context.Context, g *stage.Gate) (*stage.Bought, error) {
	from := state(g)
	b, err := r.stage.Buy(ctx, r.event, stage.Seat{Zone: 3, Class: 3})
	if err != nil {
		return nil, err
	}
	return b, r.learns(ctx, g, from)
}

func (r *rig) typeIn(ctx context.Context, g *stage.Gate, b *stage.Bought) (stage.Event, error) {
	text, err := b.Text(time.Now())
	if err != nil {
		return stage.Event{}, err
	}
	since := g.Feed.Mark()
	if err := g.Type(text); err != nil {
		return stage.Event{}, err
	}
	v, err := r.verdict(ctx, g, since)
	if err != nil {
		return v, err
	}
	if v.Outcome != ticket.Admit.String() {
		return v, fmt.Errorf("%s %s, want admit", v.Outcome, v.Reason)
	}
	return v, r.passed(ctx, g, since, v)
}

func (r *rig) verdict(ctx context.Context, g *stage.Gate, since int) (stage.Event, error) {
	return r.await(ctx, g, since, func(v stage.Event) bool { return v.Event == "verdict" && !v.Repeat })
}

func (r *rig) passed(ctx context.Context, g *stage.Gate, since int, v stage.Event) error {
	_, err := r.await(ctx, g, since, func(w stage.Event) bool { return w.Event == "passage" && w.Seq == v.Seq })
	return err
}

func (r *rig) learns(ctx context.Context, g *stage.Gate, from stage.Event) error {
	_, err := r.await(ctx, g, 0, func(v stage.Event) bool {
		return v.Event == "state" && (v.Set > from.Set || v.Delta > from.Delta)
	})
	return err
}

func (r *rig) await(ctx context.Context, g *stage.Gate, since int, match func(stage.Event) bool) (stage.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return g.Feed.Await(ctx, since, match)
}

// state is what the gate last said of itself.
func state(g *stage.Gate) stage.Event {
	return g.Feed.Last(func(v stage.Event) bool { return v.Event == "state" })
}

func picture(p frames.Profile, seed uint64, text string) ([]byte, error) {
	return frames.NewRenderer().JPEG(p.Scene(seed, image.Pt(1280, 720), text))
}
