package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
)

// qmp is QEMU's own control line: it tells of resets and obeys a few commands.
type qmp struct {
	conn  net.Conn
	reset func()
	reply chan answer

	mu sync.Mutex // one command at a time
}

type answer struct {
	Event  string          `json:"event"`
	Return json.RawMessage `json:"return"`
	Error  *struct {
		Desc string `json:"desc"`
	} `json:"error"`
}

func newQMP(ctx context.Context, conn net.Conn, reset func()) (*qmp, error) {
	q := &qmp{conn: conn, reset: reset, reply: make(chan answer, 1)}
	go q.listen()
	_, err := q.do(ctx, "qmp_capabilities", nil)
	return q, err
}

func (q *qmp) listen() {
	defer close(q.reply)
	in := json.NewDecoder(q.conn)
	for {
		var a answer
		if in.Decode(&a) != nil {
			return
		}
		switch {
		case a.Event == "RESET":
			q.reset()
		case a.Return != nil || a.Error != nil:
			q.reply <- a
		}
	}
}

func (q *qmp) do(ctx context.Context, command string, arguments any) (json.RawMessage, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	err := json.NewEncoder(q.conn).Encode(struct {
		Execute   string `json:"execute"`
		Arguments any    `json:"arguments,omitempty"`
	}{command, arguments})
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", command, ErrStopped, err)
	}
	select {
	case a, ok := <-q.reply:
		switch {
		case !ok:
			return nil, fmt.Errorf("%s: %w", command, ErrStopped)
		case a.Error != nil:
			return nil, fmt.Errorf("%s: %s", command, a.Error.Desc)
		}
		return a.Return, nil
	case <-ctx.Done():
		q.close()
		return nil, fmt.Errorf("%s: %w", command, ctx.Err())
	}
}

// pty asks for the name of the serial line's pty.
func (q *qmp) pty(ctx context.Context) (string, error) {
	raw, err := q.do(ctx, "query-chardev", nil)
	if err != nil {
		return "", err
	}
	var devices []struct {
		Filename string `json:"filename"`
	}
	if err := json.Unmarshal(raw, &devices); err != nil {
		return "", err
	}
	for _, d := range devices {
		if strings.HasPrefix(d.Filename, "pty:") {
			return d.Filename, nil
		}
	}
	return "", errors.New("QEMU made no pty")
}

func (q *qmp) close() { _ = q.conn.Close() }
