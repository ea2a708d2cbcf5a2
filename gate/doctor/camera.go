package doctor

import (
	"context"
	"errors"
	"strings"
	"time"
)

// ErrUnasked is wrapped by the error of a [Camera.Watch] that learned nothing, good
// or bad.
var ErrUnasked = errors.New("nobody could be asked")

// Sight is what a camera shows, as somebody has measured it.
type Sight struct {
	Frames int      // that came; none is a failure
	Found  string   // figures, on one line
	Advice []string // what to do, the most urgent first; none when all is well
	More   []string // lines that only a person wants
	Detail any      // figures that only a program wants
}

// Camera checks that frames arrive and that one can see something on them.
type Camera struct {
	// Watch looks at some frames, or asks who does. What it returns with an error
	// counts as far as it goes.
	Watch func(ctx context.Context) (Sight, error)

	// Within is how long Watch may take, if that is longer than checks have.
	Within time.Duration
}

// Limit returns Within.
func (c Camera) Limit() time.Duration { return c.Within }

// Name returns "camera".
func (Camera) Name() string { return "camera" }

// Look watches a few frames.
func (c Camera) Look(ctx context.Context) Finding {
	s, err := c.Watch(ctx)
	switch {
	case s.Frames == 0 && errors.Is(err, ErrUnasked):
		return Finding{Level: Warn, Found: err.Error(), Advice: adviceOf(err, "stop the gate and run doctor again")}
	case s.Frames == 0 && err != nil:
		return Finding{Level: Fail, Found: err.Error(), Advice: adviceOf(err, "check the plug and the camera's url in the config; `v4l2-ctl --list-devices` shows what is there")}
	case s.Frames == 0:
		return Finding{Level: Fail, Found: "no frame arrives", Advice: "check the plug and the camera's url in the config; `v4l2-ctl --list-devices` shows what is there"}
	}
	f := Finding{Found: s.Found, Advice: strings.Join(s.Advice, "\n"), More: s.More, Detail: s.Detail}
	if f.Advice != "" {
		f.Level = Warn
	}
	return f
}
