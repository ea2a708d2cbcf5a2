package frames

import (
	"fmt"
	"image"
	"net/http"
	"sync"
	"time"
)

// Camera is a network camera that looks at phones: it serves Motion JPEG (multipart/x-mixed-replace)
// of whatever it was last told to show. It is for the demo and for tests that drive a gate.
type Camera struct {
	profile Profile
	size    image.Point
	every   time.Duration

	mu    sync.Mutex // guards all below
	r     *Renderer
	seed  uint64
	text  string
	away  bool     // there is no phone
	shots [][]byte // of the present text, rendered when first asked for
}

// shotsKept is how many frames of one text are rendered before they come round again: enough to
// sway, few enough to be rendered live.
const shotsKept = 6

// NewCamera makes a camera that gives fps frames a second of a size. It shows an empty room until
// Show is called. Every presentation of a phone is another scene of the profile, by seed.
func NewCamera(p Profile, size image.Point, fps int, seed uint64) *Camera {
	return &Camera{profile: p, size: size, every: time.Second / time.Duration(max(fps, 1)), r: NewRenderer(), seed: seed, away: true}
}

// Show holds up a phone with text, or takes it away if text is empty. Another text while a phone is
// held up is the next code on the same phone, in the same hand. Errors wrap ErrText.
func (c *Camera) Show(text string) error {
	if text != "" {
		if _, err := Encode(text); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if text == c.text {
		return nil
	}
	if text == "" || c.away {
		c.seed++
	}
	c.text, c.away, c.shots = text, text == "", nil
	return nil
}

// Shot returns the n-th JPEG of what is shown now; they repeat.
func (c *Camera) Shot(n int) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := min(n%shotsKept, len(c.shots))
	if i < len(c.shots) {
		return c.shots[i], nil
	}
	s := c.profile.Scene(c.seed, c.size, c.text)
	if c.away {
		s.Text, s.NoPhone = "", true
	}
	data, err := c.r.JPEG(s.At(i))
	if err == nil {
		c.shots = append(c.shots, data)
	}
	return data, err
}

// ServeHTTP streams until the client hangs up.
func (c *Camera) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=frame")
	w.Header().Set("Cache-Control", "no-store")
	control := http.NewResponseController(w)
	tick := time.NewTicker(c.every)
	defer tick.Stop()
	for n := 0; ; n++ {
		data, err := c.Shot(n)
		if err != nil {
			return // the client sees the stream end
		}
		if _, err := fmt.Fprintf(w, "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n", len(data), data); err != nil {
			return
		}
		if err := control.Flush(); err != nil {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}
