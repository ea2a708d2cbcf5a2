package controller

import (
	"github.com/con-ting/conting/firmware/lane"
	"github.com/con-ting/conting/firmware/osdp"
	"github.com/con-ting/conting/firmware/update"
)

// Images is where a board keeps its images: [update.Slots], after Boot or Run.
type Images interface {
	// State tells which images there are.
	State() update.State

	// Begin, Write, Work and Abort bring another image in; see update.Slots.
	Begin(total uint32) update.Answer
	Write(at uint32, piece []byte) update.Answer
	Work() update.Answer
	Abort()

	// Prove ends the trial of the image that runs.
	Prove() bool
}

// Image is what a board runs.
type Image struct {
	Version uint32 // told to who asks for ID, 1 to 2^24-1; 0: the one built in
	Images  Images // nil: it is not replaced over the line
}

// HealthyMS is how long an image runs before it can have proved itself.
const HealthyMS = 60_000

// images is a transfer under way, and the trial of what runs.
type images struct {
	Images

	receiver osdp.FileReceiver
	coming   bool
	answer   update.Answer // to the newest piece, or of the check
	proved   bool
	since    uint32 // when this image started
	restart  bool   // the staged image is to start
	leave    bool   // now
}

// has reports whether the board can replace its image.
func (m *images) has() bool { return m.Images != nil }

// atRest reports whether a board may be away for the time of an erasure, or
// restart: nobody is in the lane or about to be (either state holds no grant), nobody
// is in danger, and the supply is good.
func (c *Controller) atRest() bool {
	s := c.lane.Status()
	return (s.State == lane.Locked || s.State == lane.OutOfService) &&
		s.Inputs&lane.PowerGood != 0 && s.Inputs&lane.LoopClosed != 0
}

// upkeep does what is left to do of images in a turn: at most one slice.
func (c *Controller) upkeep(now uint32, l Line) {
	m := &c.images
	if !m.has() {
		return
	}
	if (m.coming || m.restart) && !c.atRest() {
		m.disturb()
	}
	if m.coming && m.answer == update.Checking {
		m.answer = m.Work()
		m.coming = m.answer == update.Checking
	}
	m.leave = m.restart && !l.Sending()
	if !m.proved && c.pd.Online() && now-m.since >= HealthyMS {
		m.proved = true
		m.Prove()
	}
}

// disturb gives a transfer or a restart up: the lane is needed.
func (m *images) disturb() {
	m.drop()
	m.answer, m.restart = update.Disturbed, false
}

func (m *images) drop() {
	m.Abort()
	m.receiver.Drop()
	m.coming = false
}

// file takes a piece of an image.
func (c *Controller) file(d []byte) osdp.Action {
	m := &c.images
	if !m.has() {
		return c.pd.Nak(osdp.NakUnknown)
	}
	var f osdp.FileChunk
	if !f.Take(d) {
		return c.pd.Nak(osdp.NakLength)
	}
	if f.Kind != osdp.FileFirmware {
		m.drop()
		return c.fileStatus(osdp.FileUnknown)
	}
	if !c.atRest() {
		m.disturb()
		return c.fileStatus(osdp.FileAbort)
	}
	switch m.receiver.Accept(&f) {
	case osdp.FileNew, osdp.FileLast:
		m.take(&f)
	case osdp.FileOld, osdp.FileProbe:
	case osdp.FileBad:
		m.drop()
		m.answer = update.Misplaced
	}
	return c.fileStatus(fileWord(m.answer))
}

// take stages a piece that comes in its order.
func (m *images) take(f *osdp.FileChunk) {
	a := update.Accepted
	if f.Offset == 0 {
		m.restart = false
		a = m.Begin(f.Total)
	}
	if a == update.Accepted {
		a = m.Write(f.Offset, f.Data)
	}
	m.answer = a
	if m.coming = a == update.Accepted || a == update.Checking; !m.coming {
		m.drop()
	}
}

// checkMS is what a panel is asked to wait while an image is read back.
const checkMS = 50

func (c *Controller) fileStatus(word int16) osdp.Action {
	s := osdp.FileStatus{Action: osdp.FileInterleave, Status: word}
	if word == osdp.FileFinishing {
		s.DelayMS = checkMS
	}
	d := c.pd.Scratch()
	return c.pd.Reply(osdp.ReplyFTStat, d[:s.Put(d)])
}

// fileWord is an answer in OSDP's words, which are fewer.
func fileWord(a update.Answer) int16 {
	switch a {
	case update.Accepted:
		return osdp.FileOK
	case update.Checking:
		return osdp.FileFinishing
	case update.Complete:
		return osdp.FileProcessed
	case update.Malformed, update.WrongBoard, update.TooLarge, update.Downgrade, update.Damaged:
		return osdp.FileMalformed
	case update.Misplaced, update.Faulty, update.OnTrial, update.Idle, update.Disturbed:
	}
	return osdp.FileAbort
}

// holds tells which images there are.
func (c *Controller) holds() osdp.Action {
	m := &c.images
	if !m.has() {
		return c.pd.Nak(osdp.NakUnknown)
	}
	s := m.State()
	r := osdp.Images{Board: s.Board, Answer: byte(m.answer), Runs: s.Runs, Next: s.Next, Longest: s.Longest}
	for _, f := range [...]struct {
		set bool
		bit byte
	}{
		{s.Proved, osdp.ImageProved},
		{m.coming, osdp.ImageComing},
		{c.atRest(), osdp.ImageRest},
	} {
		if f.set {
			r.Flags |= f.bit
		}
	}
	d := c.pd.Scratch()
	return c.pd.Reply(osdp.ReplyMfg, d[:r.Put(d)])
}

// startStaged has the staged image start once the answer has left.
func (c *Controller) startStaged() osdp.Action {
	m := &c.images
	switch {
	case !m.has():
		return c.pd.Nak(osdp.NakUnknown)
	case m.coming || m.State().Next == 0 || !c.atRest():
		return c.pd.Nak(osdp.NakRecord)
	}
	m.restart = true
	return c.pd.Reply(osdp.ReplyAck, nil)
}

// Leaving reports whether the board must restart now, so that another image
// starts: a panel asked for it, its answer has left, and the lane is at rest.
func (c *Controller) Leaving() bool { return c.images.leave }
