package stage

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Phone stands before one lane's camera: an MJPEG stream, as an IP camera
// serves it, of whatever is held up to it. Nothing in front of the camera is a
// picture too: the hall behind.
type Phone struct {
	URL string // of the stream

	server *http.Server
	blank  [][]byte

	mu    sync.Mutex // guards what follows
	shown [][]byte   // frames in turn, JPEG
	sent  time.Time  // when the first of them went out; zero before
}

const frameEvery = 100 * time.Millisecond

// NewPhone serves blank frames (JPEG) until something is shown.
func NewPhone(ctx context.Context, blank [][]byte) (*Phone, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Phone{URL: "http://" + l.Addr().String() + "/camera.mjpeg", blank: blank, shown: blank}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /camera.mjpeg", p.stream)
	mux.HandleFunc("GET /frame.jpg", p.still)
	p.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = p.server.Serve(l) }()
	return p, nil
}

// Show holds up a screen: its photographs follow one another until Hide.
func (p *Phone) Show(frames [][]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shown, p.sent = frames, time.Time{}
}

// Sent is when the camera began to send the first frame of what is held up; zero
// before.
func (p *Phone) Sent() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent
}

// Hide takes the screen away.
func (p *Phone) Hide() { p.Show(p.blank) }

// next is the frame to be sent now.
func (p *Phone) next(n int) []byte {
	at := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sent.IsZero() {
		p.sent = at
	}
	return p.shown[n%len(p.shown)]
}

func (p *Phone) stream(w http.ResponseWriter, r *http.Request) {
	flusher, ok := w.(http.Flusher)
	if !ok {
		http.Error(w, "no streaming", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=frame")
	tick := time.NewTicker(frameEvery)
	defer tick.Stop()
	for n := 0; ; n++ {
		b := p.next(n)
		if _, err := fmt.Fprintf(w, "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n", len(b)); err != nil {
			return
		}
		if _, err := w.Write(append(b[:len(b):len(b)], '\r', '\n')); err != nil {
			return
		}
		flusher.Flush()
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
}

func (p *Phone) now() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shown[0]
}

func (p *Phone) still(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "image/jpeg")
	_, _ = w.Write(p.now())
}

// Close ends the stream.
func (p *Phone) Close() { _ = p.server.Close() }
