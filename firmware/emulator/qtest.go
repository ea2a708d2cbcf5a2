package emulator

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// QEMU's names for the ports, in the order in which it makes them.
const (
	portA = "/machine/unattached/device[8]"
	portC = "/machine/unattached/device[10]"
	portD = "/machine/unattached/device[11]"

	levelsD = 0x400073FC // port D's levels
)

// qtest is the line over which pins are moved and outputs seen.
type qtest struct {
	conn  net.Conn
	edge  func(pin int, high bool, at time.Time)
	reply chan string

	mu sync.Mutex // one command at a time
}

func newQTest(conn net.Conn, edge func(int, bool, time.Time)) *qtest {
	q := &qtest{conn: conn, edge: edge, reply: make(chan string, 1)}
	go q.listen()
	return q
}

func (q *qtest) listen() {
	defer close(q.reply)
	in := bufio.NewScanner(q.conn)
	for in.Scan() {
		word, rest, _ := strings.Cut(in.Text(), " ")
		if word != "IRQ" {
			q.reply <- in.Text()
			continue
		}
		at := time.Now()
		word, number, _ := strings.Cut(rest, " ")
		if pin, err := strconv.Atoi(number); err == nil {
			q.edge(pin, word == "raise", at)
		}
	}
}

// do gives one command and returns what stands after OK.
func (q *qtest) do(ctx context.Context, command string) (string, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, err := fmt.Fprintln(q.conn, command); err != nil {
		return "", fmt.Errorf("%s: %w: %w", command, ErrStopped, err)
	}
	select {
	case got, ok := <-q.reply:
		if !ok {
			return "", fmt.Errorf("%s: %w", command, ErrStopped)
		}
		rest, fine := strings.CutPrefix(got, "OK")
		if !fine {
			return "", fmt.Errorf("%s: %s", command, got)
		}
		return strings.TrimSpace(rest), nil
	case <-ctx.Done():
		q.close() // an answer that comes late would be taken for the next one's
		return "", fmt.Errorf("%s: %w", command, ctx.Err())
	}
}

func (q *qtest) read(ctx context.Context, address uint32) (uint32, error) {
	got, err := q.do(ctx, fmt.Sprintf("readl %#x", address))
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseUint(got, 0, 64)
	return uint32(v), err
}

func (q *qtest) close() { _ = q.conn.Close() }
