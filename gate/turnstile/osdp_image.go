package turnstile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/con-ting/conting/firmware/osdp"
	"github.com/con-ting/conting/firmware/update"
	"github.com/con-ting/conting/sync/hint"
)

// The errors of an update that a caller branches on. With any of them the device
// still runs what it did, but for ErrNotStarted.
var (
	ErrNoUpdate     = errors.New("the device takes no image over the line")
	ErrNotNewer     = errors.New("the image is not newer than what the device runs")
	ErrImageRefused = errors.New("the device refuses the image")
	ErrLaneInUse    = errors.New("the lane is not at rest")

	// ErrNotStarted means that the device has the image and does not run it, or has
	// not said so.
	ErrNotStarted = errors.New("the image was not seen to start")
)

// How long an update waits, besides for its context.
const (
	reachWait  = 10 * time.Second // for Secure Channel
	restWait   = 5 * time.Second  // for a lane that is in use
	startWait  = 30 * time.Second // for a device to come back with its new image
	chunkLimit = 20_000           // ms that a device may make no progress
	imageTries = 5                // transfers begun, on a line that keeps breaking
	imageLook  = 5 * time.Millisecond
	stateLook  = 200 * time.Millisecond
)

// UpdatePhase is how far an update is.
type UpdatePhase string

// The phases.
const (
	UpdateWaiting  UpdatePhase = "waiting" // for the lane, or for the line, to begin anew
	UpdateSending  UpdatePhase = "sending"
	UpdateChecking UpdatePhase = "checking"
	UpdateStarting UpdatePhase = "starting"
)

// UpdateProgress is told as an update goes on.
type UpdateProgress struct {
	Phase       UpdatePhase
	Sent, Total int // bytes
	Again       int // how often it was begun anew
}

// UpdateReport is what an update did.
type UpdateReport struct {
	Before uint32 `json:"before"` // version that ran
	After  uint32 `json:"after"`  // version that runs
	Trial  bool   `json:"trial"`  // it has not proved itself yet
}

// UpdateOSDP sends an image, whose signature the caller has verified, to our
// controller, has it started, and waits until it runs. tell is called now and then
// and must return soon.
//
// A version that runs already is left alone, and no error. The lane must be at rest;
// what disturbs it, as a fire does, ends the transfer, which begins anew when the lane
// is at rest again within some seconds. No lane may be open on this line meanwhile.
func UpdateOSDP(ctx context.Context, cfg OSDPConfig, image *update.Image, tell func(UpdateProgress)) (r UpdateReport, err error) {
	q, err := inquire(ctx, cfg)
	if err != nil {
		return r, err
	}
	defer q.close()
	reach, cancel := context.WithTimeout(ctx, reachWait)
	defer cancel()
	if err := q.secure(reach); err != nil {
		return r, err
	}
	has, err := q.images(ctx)
	if err != nil {
		return r, err
	}
	r.Before, r.After = has.Runs, has.Runs
	if err := suits(image, has); err != nil || has.Runs == image.Version {
		r.Trial = has.Flags&osdp.ImageProved == 0
		return r, err
	}
	p := UpdateProgress{Phase: UpdateSending, Total: len(image.Transfer)}
	if err := q.stage(ctx, image, &p, tell); err != nil {
		return r, err
	}
	p.Phase, p.Sent = UpdateStarting, p.Total
	tell(p)
	if has, err = q.start(ctx, image.Version); err != nil {
		return r, err
	}
	r.After, r.Trial = has.Runs, has.Flags&osdp.ImageProved == 0
	return r, nil
}

// suits refuses what the device would, before anything is sent.
func suits(image *update.Image, has osdp.Images) error {
	if err := image.Fits(has.Board); err != nil {
		return hint.Errorf("take the image for this device's board", "%w", err)
	}
	if image.Version < has.Runs {
		return hint.Errorf("a device is never taken back to an older image; sign the old program with a newer number if it must be",
			"%w: %s, and it runs %s", ErrNotNewer, update.VersionName(image.Version), update.VersionName(has.Runs))
	}
	if image.Length > has.Longest {
		return fmt.Errorf("%w: %d bytes, and there is room for %d", ErrImageRefused, image.Length, has.Longest)
	}
	return nil
}

// images asks which images the device has.
func (q *inquiry) images(ctx context.Context) (m osdp.Images, err error) {
	d := make([]byte, osdp.MaxData)
	r, err := q.ask(ctx, osdp.CmdMfg, d[:osdp.PutImages(d)])
	switch {
	case err != nil:
		return m, err
	case r.Code != osdp.ReplyMfg || !m.Take(r.Data):
		return m, hint.Errorf("replace its image with its maker's own tool", "%w", ErrNoUpdate)
	}
	return m, nil
}

// rest waits until the lane is at rest.
func (q *inquiry) rest(ctx context.Context) error {
	look := time.NewTicker(stateLook)
	defer look.Stop()
	for range restWait / stateLook {
		m, err := q.images(ctx)
		switch {
		case err == nil && m.Flags&osdp.ImageRest != 0:
			return nil
		case err != nil && !errors.Is(err, errAway):
			return err
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return hint.Errorf("let nobody into the lane; close the fire loop, look at its supply, and at what the gate's panel says",
		"%w", ErrLaneInUse)
}

// stage brings the image into the device, which checks it.
func (q *inquiry) stage(ctx context.Context, image *update.Image, p *UpdateProgress, tell func(UpdateProgress)) error {
	for {
		if err := q.rest(ctx); err != nil {
			return err
		}
		err := q.send(ctx, image.Transfer, p, tell)
		if err == nil {
			return nil
		}
		if p.Again++; ctx.Err() != nil || p.Again == imageTries || !errors.Is(err, errAway) && !errors.Is(err, ErrLaneInUse) {
			return err
		}
		p.Phase, p.Sent = UpdateWaiting, 0
		tell(*p)
		if err := q.until(ctx, q.cp.Online); err != nil {
			return err
		}
	}
}

// send sends the image once, from the beginning to the device's last word.
func (q *inquiry) send(ctx context.Context, data []byte, p *UpdateProgress, tell func(UpdateProgress)) error {
	var s osdp.FileSender
	started := false
	if err := q.look(ctx, func() {
		started = s.Start(q.ms(), osdp.FileFirmware, uint32(len(data)), q.cp.Room(), chunkLimit) //nolint:gosec // at most update.MaxImage
	}); err != nil {
		return err
	}
	if !started {
		return fmt.Errorf("%w: it takes no commands of that length", ErrNoUpdate)
	}
	pause := time.NewTimer(0)
	defer pause.Stop()
	d := make([]byte, osdp.MaxData)
	for {
		offset, n, ok := s.Next(q.ms())
		if !ok && s.Phase() == osdp.FileTimedOut {
			return fmt.Errorf("%w: it does not get on with it", ErrImageRefused)
		}
		if !ok {
			pause.Reset(imageLook)
			select {
			case <-pause.C:
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		c := s.Chunk(data[offset:][:n])
		r, err := q.ask(ctx, osdp.CmdFileTransfer, d[:c.Put(d)])
		if err != nil {
			return err
		}
		if r.Code != osdp.ReplyFTStat {
			return fmt.Errorf("%w: it answers %#x", ErrImageRefused, r.Code)
		}
		s.Took(q.ms(), r.Data)
		p.Phase, p.Sent = UpdateSending, int(s.Sent())
		switch s.Phase() {
		case osdp.FileWorking:
			p.Phase = UpdateChecking
		case osdp.FileDone, osdp.FileReboot:
			p.Phase = UpdateChecking
			tell(*p)
			return nil
		case osdp.FileRefused:
			return q.refusal(ctx)
		case osdp.FileIdle, osdp.FileSending, osdp.FileTimedOut:
		}
		tell(*p)
	}
}

// refusal asks why a transfer was refused.
func (q *inquiry) refusal(ctx context.Context) error {
	m, err := q.images(ctx)
	if err != nil {
		return err
	}
	what := "send it again; if that does not help, the image is not for this device"
	switch a := update.Answer(m.Answer); a {
	case update.Disturbed:
		return fmt.Errorf("%w: the transfer was ended", ErrLaneInUse)
	case update.Misplaced, update.Idle:
		return fmt.Errorf("%w: pieces were lost", errAway)
	case update.OnTrial:
		what = "the image that it runs has not proved itself: leave it in service for a minute, then send this one"
	case update.Downgrade:
		return hint.Errorf("a newer image than this one is staged: start the device again", "%w", ErrNotNewer)
	case update.Faulty:
		what = "its flash does not work: send it again, and if that does not help, replace the device"
	case update.WrongBoard, update.TooLarge, update.Malformed, update.Damaged, update.Accepted, update.Checking, update.Complete:
	default:
	}
	return hint.Errorf(what, "%w: %s", ErrImageRefused, update.Answer(m.Answer))
}

// start has the staged image started and waits until it runs.
func (q *inquiry) start(ctx context.Context, version uint32) (m osdp.Images, err error) {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	for range imageTries {
		var sure bool
		var before uint32
		if err := q.rest(ctx); err != nil {
			return m, fmt.Errorf("%w: %w", ErrNotStarted, err)
		}
		if before, sure, err = q.restart(ctx); err != nil {
			return m, err
		}
		if m, err = q.returned(ctx, before); err != nil {
			return m, hint.Errorf("gate osdp probe shows what it runs, once it answers", "%w: %w", ErrNotStarted, err)
		}
		if m.Runs == version {
			return m, nil
		}
		if sure || m.Next != version {
			break
		}
	}
	return m, hint.Errorf("look at the device's supply and update it again: an image that fails to start gives way to the one before",
		"%w: the device runs %s", ErrNotStarted, update.VersionName(m.Runs))
}

// restart tells the device to start the staged image. before is how many channels
// there were; sure says that the device has understood.
func (q *inquiry) restart(ctx context.Context) (before uint32, sure bool, err error) {
	if err := q.look(ctx, func() { before = q.cp.Stats().Handshakes }); err != nil {
		return before, false, err
	}
	d := make([]byte, osdp.MaxData)
	r, err := q.ask(ctx, osdp.CmdMfg, d[:osdp.PutRestart(d)])
	switch {
	case errors.Is(err, errAway):
		return before, false, nil // perhaps because it restarts
	case err == nil && r.Code != osdp.ReplyAck:
		err = hint.Errorf("the image is there: it starts when the device is next switched on", "%w: the device answers %#x", ErrNotStarted, r.Code)
	}
	return before, true, err
}

// returned waits for another channel and asks which images the device has.
func (q *inquiry) returned(ctx context.Context, before uint32) (m osdp.Images, err error) {
	for {
		if err := q.until(ctx, func() bool { return q.cp.Online() && q.cp.Stats().Handshakes > before }); err != nil {
			return m, err
		}
		if m, err = q.images(ctx); !errors.Is(err, errAway) {
			return m, err
		}
		if err := q.until(ctx, q.cp.Online); err != nil {
			return m, err
		}
	}
}
