//go:build unix

package camera_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"image"
	"io"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/camera"
)

// needFFmpeg skips loudly where there is none.
func needFFmpeg(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("SKIPPED: ffmpeg is not installed (apt-get install ffmpeg): RTSP and what ffmpeg writes are NOT tested")
	}
}

// cardFilm saves the test card as a raw gray film, for ffmpeg to read.
func cardFilm(t *testing.T, w, h int) string {
	t.Helper()
	cam, err := camera.Open(t.Context(), fmt.Sprintf("test:?width=%d&height=%d&fps=1000", w, h), config())
	if err != nil {
		t.Fatal(err)
	}
	defer cam.Close() //nolint:errcheck // never fails
	var film bytes.Buffer
	for range 10 {
		film.Write(take(t, cam).Gray.Pix)
	}
	return save(t, "card.gray", film.Bytes())
}

// readsCard takes frames until one shows the test card.
func readsCard(t *testing.T, c *camera.Camera, size image.Point) {
	t.Helper()
	text := ""
	for range 20 {
		f := take(t, c)
		if f.Gray.Rect.Size() != size {
			t.Fatalf("frames of %v, want %v", f.Gray.Rect.Size(), size)
		}
		if text = read(t, f.Gray); text == "CONTING TEST CARD" {
			return
		}
	}
	t.Errorf("the code says %q", text)
}

// TestFFmpeg reads what ffmpeg writes in each way that we understand.
func TestFFmpeg(t *testing.T) {
	needFFmpeg(t)
	const w, h = 318, 242 // no multiples of a block
	film := cardFilm(t, w, h)
	for name, c := range map[string]struct {
		args   string
		format camera.Format
	}{
		"gray Y4M":   {"-pix_fmt gray -f yuv4mpegpipe", camera.Format{}},
		"colour Y4M": {"-pix_fmt yuv420p -f yuv4mpegpipe", camera.Format{Pixels: "y4m"}},
		"JPEGs":      {"-pix_fmt yuvj420p -c:v mjpeg -q:v 2 -f mjpeg", camera.Format{}},
		"gray":       {"-pix_fmt gray -f rawvideo", camera.Format{Pixels: "gray", Width: w, Height: h}},
		"yuyv":       {"-pix_fmt yuyv422 -f rawvideo", camera.Format{Pixels: "yuyv", Width: w, Height: h}},
		"uyvy":       {"-pix_fmt uyvy422 -f rawvideo", camera.Format{Pixels: "uyvy", Width: w, Height: h}},
		"nv12":       {"-pix_fmt nv12 -f rawvideo", camera.Format{Pixels: "nv12", Width: w, Height: h}},
		"nv21":       {"-pix_fmt nv21 -f rawvideo", camera.Format{Pixels: "nv21", Width: w, Height: h}},
		"yu12":       {"-pix_fmt yuv420p -f rawvideo", camera.Format{Pixels: "yu12", Width: w, Height: h}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config()
			cfg.StallAfter = patience
			cfg.Command = append(strings.Fields(fmt.Sprintf("ffmpeg -v warning -f rawvideo -pix_fmt gray -s %dx%d -r 50 -i", w, h)), film)
			cfg.Command = append(append(cfg.Command, strings.Fields(c.args)...), "-")
			cfg.Format = c.format
			cam, err := camera.Open(t.Context(), "program:", cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer cam.Close() //nolint:errcheck // never fails
			readsCard(t, cam, image.Pt(w, h))
		})
	}
}

// TestRTSP has the command of the sample configuration fetch H.264 by RTSP.
func TestRTSP(t *testing.T) {
	needFFmpeg(t)
	server := newRelay(t)
	const w, h = 640, 480
	publish := exec.Command("ffmpeg", "-v", "error", "-re", "-stream_loop", "-1", "-f", "rawvideo", "-pix_fmt", "gray",
		"-s", fmt.Sprintf("%dx%d", w, h), "-r", "10", "-i", cardFilm(t, w, h), "-pix_fmt", "yuv420p", "-c:v", "libx264",
		"-preset", "ultrafast", "-tune", "zerolatency", "-g", "10", "-f", "rtsp", "-rtsp_transport", "tcp", server.url("publish"))
	publish.Stderr = os.Stderr
	if err := publish.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = publish.Process.Kill(), publish.Wait() })
	select {
	case <-server.ready:
	case <-time.After(patience):
		t.Fatal("ffmpeg never announced its stream")
	}
	cfg := config()
	cfg.StallAfter = patience
	cfg.Command = []string{
		"ffmpeg", "-v", "warning", "-rtsp_transport", "tcp", "-i", server.url("play"), "-pix_fmt", "gray", "-f", "yuv4mpegpipe", "-",
	}
	c, err := camera.Open(t.Context(), "program:", cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // never fails
	readsCard(t, c, image.Pt(w, h))
}

// relay is as much of an RTSP server as one publisher and those who watch it need, over TCP.
type relay struct {
	listener net.Listener
	ready    chan struct{} // closed when there is something to watch

	mu      sync.Mutex // guards sdp and viewers
	sdp     []byte
	viewers map[net.Conn]bool
}

func newRelay(t *testing.T) *relay {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: l, ready: make(chan struct{}), viewers: map[net.Conn]bool{}}
	var serving sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { r.serve(ctx, conn) })
		}
	})
	t.Cleanup(func() { cancel(); _ = l.Close(); serving.Wait() })
	return r
}

func (r *relay) url(what string) string { return "rtsp://" + r.listener.Addr().String() + "/" + what }

// serve answers one connection, and passes on what a publisher sends.
func (r *relay) serve(ctx context.Context, conn net.Conn) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.viewers, conn)
		_ = conn.Close()
	}()
	in := bufio.NewReader(conn)
	for {
		first, err := in.Peek(4)
		if err != nil {
			return
		}
		if first[0] == '$' { // a packet between the requests: channel and length
			packet := make([]byte, 4+int(first[2])<<8+int(first[3]))
			if _, err := io.ReadFull(in, packet); err != nil {
				return
			}
			r.pass(packet, conn)
			continue
		}
		if err := r.answer(in, conn); err != nil {
			return
		}
	}
}

// pass gives a publisher's packet to the viewers.
func (r *relay) pass(packet []byte, from net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.viewers[from] {
		return // a viewer's report
	}
	for v := range r.viewers {
		_, _ = v.Write(packet)
	}
}

// answer answers a request.
func (r *relay) answer(in *bufio.Reader, conn net.Conn) error {
	text := textproto.NewReader(in)
	line, err := text.ReadLine()
	if err != nil {
		return err
	}
	head, err := text.ReadMIMEHeader()
	if err != nil {
		return err
	}
	n, _ := strconv.Atoi(head.Get("Content-Length"))
	body := make([]byte, n)
	if _, err := io.ReadFull(in, body); err != nil {
		return err
	}
	method, _, _ := strings.Cut(line, " ")
	reply := "RTSP/1.0 200 OK\r\nCSeq: " + head.Get("CSeq") + "\r\nSession: 1\r\n"
	r.mu.Lock()
	defer r.mu.Unlock()
	watch := false
	switch method {
	case "OPTIONS":
		reply += "Public: ANNOUNCE, DESCRIBE, SETUP, PLAY, RECORD, TEARDOWN\r\n"
	case "ANNOUNCE":
		r.sdp = body
	case "DESCRIBE":
		reply += fmt.Sprintf("Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(r.sdp), r.sdp)
		_, err := io.WriteString(conn, reply)
		return err
	case "SETUP":
		reply += "Transport: " + head.Get("Transport") + "\r\n"
	case "RECORD":
		close(r.ready)
	case "PLAY":
		watch = true
	}
	_, err = io.WriteString(conn, reply+"\r\n")
	r.viewers[conn] = watch || r.viewers[conn]
	if !r.viewers[conn] {
		delete(r.viewers, conn)
	}
	return err
}
