package rig

import (
	"context"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"time"

	"github.com/con-ting/conting/firmware/emulator"
	"github.com/con-ting/conting/firmware/keep"
	"github.com/con-ting/conting/firmware/lane"
	"github.com/con-ting/conting/firmware/osdp"
)

// Dwell is how long the person keeps each pin at a level: a loaded machine runs
// the emulator late.
const Dwell = 20 * time.Millisecond

// Settings are those that the rig provisions: no secrets, as nothing is behind
// them.
func Settings() keep.Settings {
	s := keep.Settings{Address: 1, Serial: 1, Baud: 115200}
	for i := range s.Key {
		s.Key[i], s.Seed[i] = byte(i+1), byte(0xA0+i)
	}
	return s
}

// Lane is a board, its memory, and the panel on its line.
type Lane struct {
	*emulator.Board
	*Panel

	config emulator.Config
}

// Provision writes a memory with s to path, as a factory does.
func Provision(path string, s keep.Settings) error {
	cells := make([]byte, emulator.EEPROMSize)
	for i := range cells {
		cells[i] = 0xFF
	}
	image := keep.Image(s)
	copy(cells, image[:])
	return os.WriteFile(path, cells, 0o600)
}

// Open boots the image with a fresh memory in dir and a lane at rest. The panel
// is not attached yet. The board is patient, unless change says otherwise.
func Open(ctx context.Context, image, dir string, change ...func(*emulator.Config)) (*Lane, error) {
	l := &Lane{config: emulator.Config{
		Image: image, EEPROM: filepath.Join(dir, "eeprom"), Levels: uint16(lane.AllWell), Patient: true,
	}}
	for _, f := range change {
		f(&l.config)
	}
	if err := Provision(l.config.EEPROM, Settings()); err != nil {
		return nil, err
	}
	return l, l.Boot(ctx)
}

// Boot starts the board again, after PowerCut.
func (l *Lane) Boot(ctx context.Context) (err error) {
	l.Board, err = emulator.Boot(ctx, l.config)
	return err
}

// PowerCut takes the supply away, and with it the panel's line.
func (l *Lane) PowerCut() error {
	if l.Panel != nil {
		_ = l.Panel.Close()
	}
	return l.Board.Close()
}

// Close ends both.
func (l *Lane) Close() error { return l.PowerCut() }

// Attach dials the line with a panel that knows the key, or with another key.
func (l *Lane) Attach(ctx context.Context, change ...func(*osdp.CPConfig)) error {
	conn, err := l.Dial(ctx)
	if err != nil {
		return err
	}
	s := Settings()
	cfg := osdp.CPConfig{Address: s.Address, Key: s.Key, PollMS: 5}
	for _, f := range change {
		f(&cfg)
	}
	l.Panel, err = Attach(conn, cfg)
	return err
}

// Ready attaches the panel and waits until the lane takes grants.
func (l *Lane) Ready(ctx context.Context) error {
	if err := l.Attach(ctx); err != nil {
		return err
	}
	if err := l.Secured(ctx); err != nil {
		return err
	}
	return l.AwaitLevel(ctx, uint8(lane.Ready), uint8(lane.Ready))
}

// Move sets one input and leaves it for Dwell.
func (l *Lane) Move(ctx context.Context, in lane.Inputs, high bool) error {
	if err := l.Set(ctx, bits.TrailingZeros8(uint8(in)), high); err != nil {
		return err
	}
	select {
	case <-time.After(Dwell):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Step is one movement of a person.
type Step struct {
	Pin  lane.Inputs
	High bool
}

// Through is a person who walks through in a direction.
func Through(way lane.Direction) []Step {
	near, far := lane.ClearA, lane.ClearB
	if way == lane.Out {
		near, far = far, near
	}
	return []Step{{near, false}, {lane.Home, false}, {near, true}, {far, false}, {lane.Home, true}, {far, true}}
}

// Back is a person who goes in and comes back out.
func Back(way lane.Direction) []Step {
	near := lane.ClearA
	if way == lane.Out {
		near = lane.ClearB
	}
	return []Step{{near, false}, {lane.Home, false}, {lane.Home, true}, {near, true}}
}

// Walk moves the pins one after the other. With a panel attached it goes on once
// the controller says that it has seen the pin move: on a busy machine the
// processor may have had no turn within Dwell.
func (l *Lane) Walk(ctx context.Context, steps []Step) error {
	for _, s := range steps {
		if err := l.Move(ctx, s.Pin, s.High); err != nil {
			return err
		}
		if l.Panel == nil {
			continue
		}
		for {
			r, err := l.Report(ctx)
			if err != nil {
				return err
			}
			if lane.Inputs(r.Inputs)&s.Pin != 0 == s.High {
				break
			}
		}
	}
	return nil
}

// Order gives the lane one order and returns its answer.
func (l *Lane) Order(ctx context.Context, c lane.Command) (lane.Answer, error) {
	o := osdp.Order{Op: byte(c.Op), Way: byte(c.Way), Mode: byte(c.Mode), Grant: c.Grant, MS: c.MS}
	d := make([]byte, osdp.MaxData)
	r, err := l.Do(ctx, osdp.CmdMfg, d[:o.Put(d)])
	if err != nil {
		return 0, err
	}
	var got osdp.Outcome
	if r.Code != osdp.ReplyMfg || !got.Take(r.Data) {
		return 0, fmt.Errorf("order: reply %#x % x", r.Code, r.Data)
	}
	return lane.Answer(got.Answer), nil
}

// Grant lets one person through.
func (l *Lane) Grant(ctx context.Context, id uint32, way lane.Direction) error {
	got, err := l.Order(ctx, lane.Command{Op: lane.GrantOne, Way: way, Grant: id})
	if err == nil && got != lane.Accepted {
		err = fmt.Errorf("grant %d: %s", id, got)
	}
	return err
}

// Happened waits for an event of a kind after mark.
func (l *Lane) Happened(ctx context.Context, mark int, k lane.Kind) (osdp.Passage, error) {
	return l.Event(ctx, mark, k.String(), func(e osdp.Passage) bool { return lane.Kind(e.Kind) == k })
}

// Report asks for the lane as it is.
func (l *Lane) Report(ctx context.Context) (r osdp.Report, err error) {
	d := make([]byte, osdp.MaxData)
	got, err := l.Do(ctx, osdp.CmdMfg, d[:osdp.PutAsk(d)])
	if err != nil {
		return r, err
	}
	if got.Code != osdp.ReplyMfg || !r.Take(got.Data) {
		return r, fmt.Errorf("report: reply %#x % x", got.Code, got.Data)
	}
	return r, nil
}
