package panel

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// maxWatchers is how many pages may follow one lane.
const maxWatchers = 16

// The beats of a screen.
const (
	beat        = 500 * time.Millisecond // how often status and nonce are asked
	healthEvery = 8                      // beats
)

// screen holds the one view that all pages show, and wakes them when it changes.
// Pages that are slow see the newest view and never an old one.
type screen struct {
	cfg  Config
	kick chan struct{} // cap 1: refresh before the next beat

	// mu guards all fields below.
	mu       sync.Mutex
	number   uint64
	answer   *Scan // the last decision, while it stands
	given    time.Time
	until    time.Time
	closed   bool // a check is down
	status   Status
	nonceTxt string
	nonceID  string
	nonceSVG []byte
	parts    *parts // of the presentation that is being read
	last     []byte // the encoded view
	version  uint64 // of last
	watch    map[chan struct{}]bool
	done     bool
}

func newScreen(cfg Config) *screen {
	return &screen{cfg: cfg, kick: make(chan struct{}, 1), watch: map[chan struct{}]bool{}}
}

// run keeps the view fresh.
func (s *screen) run(ctx context.Context) {
	t := time.NewTicker(beat)
	defer t.Stop()
	for n := 0; ; n++ {
		if n%healthEvery == 0 {
			state := worst(s.cfg.Health(ctx))
			s.mu.Lock()
			s.closed = state == StateDown
			s.mu.Unlock()
		}
		s.refresh(ctx)
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		case <-s.kick:
		}
	}
}

// refresh asks for what changes by itself.
func (s *screen) refresh(ctx context.Context) {
	status := s.cfg.Status()
	now := s.cfg.Now()
	s.mu.Lock()
	s.status = status
	if s.answer != nil && !now.Before(s.until) {
		s.answer = nil
	}
	challenge := s.challengeLocked()
	s.mu.Unlock()

	text, svg := "", []byte(nil)
	if challenge {
		text, svg = s.draw(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nonceTxt, s.nonceSVG, s.nonceID = text, svg, ""
	if text != "" {
		sum := sha256.Sum256([]byte(text))
		s.nonceID = hex.EncodeToString(sum[:8])
	}
	s.publishLocked(ctx)
}

func (s *screen) challengeLocked() bool {
	if s.cfg.Nonce == nil {
		return false
	}
	asked := s.answer != nil && s.answer.Verdict.Reason == ticket.ChallengeRequired
	return s.status.Challenge || s.status.Offer || asked
}

// draw returns the present nonce and its picture, which is drawn once.
func (s *screen) draw(ctx context.Context) (text string, svg []byte) {
	text, err := s.cfg.Nonce()
	if err != nil {
		s.cfg.Logger.ErrorContext(ctx, "no nonce to show", slog.Any("error", err))
		return "", nil
	}
	s.mu.Lock()
	old, drawn := s.nonceTxt, s.nonceSVG
	s.mu.Unlock()
	if text == old && drawn != nil {
		return text, drawn
	}
	if svg = s.cfg.QR(text); len(svg) == 0 {
		return "", nil
	}
	return text, svg
}

// show puts up an answer, over whatever stood there. What it needs besides, a
// nonce for instance, follows in a moment.
func (s *screen) show(scan Scan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.number++
	s.answer, s.given, s.parts = &scan, s.cfg.Now(), nil
	s.until = s.given.Add(stay(scan.Verdict))
	if scan.Confirm = scan.Confirm && s.cfg.Confirm != nil; scan.Confirm {
		s.until = s.given.Add(stayConfirm)
	}
	s.publishLocked(context.Background())
	wake(s.kick)
}

// gathered shows how far a presentation has come.
func (s *screen) gathered(have, total int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parts = nil
	if total > 0 {
		s.parts = &parts{Have: have, Total: total}
	}
	s.publishLocked(context.Background())
}

// settled shortens an admission that is over.
func (s *screen) settled(seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answer == nil || seq == 0 || s.answer.Seq != seq || s.answer.Verdict.Outcome != ticket.Admit {
		return
	}
	if end := s.cfg.Now().Add(stayPassed); end.Before(s.until) {
		s.until = end
	}
}

// publishLocked encodes the view and wakes the pages if it differs.
func (s *screen) publishLocked(ctx context.Context) {
	v := view{Face: faceIdle, Number: s.number, Nonce: s.nonceID, Parts: s.parts, Bar: barOf(s.status)}
	v.Offer = s.nonceID != "" && !s.status.Challenge && (s.answer == nil || s.answer.Verdict.Reason != ticket.ChallengeRequired)
	switch {
	case s.answer != nil:
		v.fill(*s.answer, s.number, s.given, s.status.Location)
	case s.closed:
		v.Face = faceClosed
	}
	data, err := json.Marshal(v)
	if err != nil {
		s.cfg.Logger.ErrorContext(ctx, "view cannot be encoded", slog.Any("error", err))
		return
	}
	if bytes.Equal(data, s.last) {
		return
	}
	s.last = data
	s.version++
	for w := range s.watch {
		wake(w)
	}
}

func wake(w chan struct{}) {
	select {
	case w <- struct{}{}:
	default:
	}
}

// join adds a page. It returns false when there are too many, or the panel ends.
func (s *screen) join() (chan struct{}, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done || len(s.watch) >= maxWatchers {
		return nil, false
	}
	w := make(chan struct{}, 1)
	s.watch[w] = true
	return w, true
}

func (s *screen) leave(w chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.watch, w)
}

// current returns the view and its version. Not ok means that the panel ends.
func (s *screen) current() (data []byte, version uint64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, s.version, !s.done
}

// nonce returns the picture of the nonce that is shown now.
func (s *screen) nonce(id string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id == "" || id != s.nonceID {
		return nil
	}
	return s.nonceSVG
}

func (s *screen) watchers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.watch)
}

// close ends all streams.
func (s *screen) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = true
	for w := range s.watch {
		wake(w)
	}
}
