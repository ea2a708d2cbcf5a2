package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/con-ting/conting/gate/lane"
	"github.com/con-ting/conting/sync/pass"
)

// maxLine is the longest line of standard input. A longer one is no pass; its
// beginning is judged, so that it is refused and recorded like any other.
const maxLine = pass.MaxText + 1

// busyPause is how long a waiting line waits for room in the lane.
const busyPause = 2 * time.Millisecond

// readInput feeds the lane from what is not a camera: a scan engine, or standard
// input with one pass a line. The channel is closed at the end of standard input;
// all else never ends. The reader of standard input cannot be interrupted and ends
// with the process.
func (g *appliance) readInput(ctx context.Context) <-chan struct{} {
	if g.engine != nil {
		g.reading.Go(func() { g.readEngine(ctx) })
	}
	if g.conf.Lane.Input != inputStdin {
		return nil
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		lines := bufio.NewReaderSize(g.in, 2*maxLine)
		for ctx.Err() == nil {
			line, err := readLine(lines)
			if line != "" {
				g.scan(ctx, line)
			}
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				g.log.ErrorContext(ctx, "input failed", slog.Any("error", err))
				return
			}
		}
	}()
	return ended
}

// scan has the lane decide, waiting for room as the next person in the queue
// does. A repeated code is no news to the lane, but a script gets its answer.
func (g *appliance) scan(ctx context.Context, line string) {
	for {
		r, err := g.lane.Scan(ctx, line)
		if err == nil && r.Repeat {
			g.events.repeated(r)
		}
		if !errors.Is(err, lane.ErrBusy) {
			return
		}
		fire, stop := after(busyPause)
		select {
		case <-fire:
		case <-ctx.Done():
		}
		stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// readLine returns the next line without its end, cut to maxLine bytes.
func readLine(r *bufio.Reader) (string, error) {
	var b strings.Builder
	for {
		part, err := r.ReadSlice('\n')
		if room := maxLine - b.Len(); room > 0 {
			b.Write(part[:min(room, len(part))])
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return strings.TrimRight(b.String(), "\r\n"), err
		}
	}
}
