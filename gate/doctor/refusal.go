package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"os"
	"time"
)

// settle is how long a broker that refuses our certificate has to say so.
const settle = 300 * time.Millisecond

// refusal waits a moment for the alert of a server that refuses us. Silence is
// good news.
func refusal(ctx context.Context, conn *tls.Conn) error {
	timer := time.AfterFunc(settle, func() {
		// Any deadline that has passed wakes the reader; if it cannot be set, the
		// connection is broken and the reader is awake.
		_ = conn.SetReadDeadline(time.Unix(1, 0))
	})
	defer timer.Stop()
	stop := context.AfterFunc(ctx, func() {
		_ = conn.SetReadDeadline(time.Unix(1, 0))
	})
	defer stop()
	_, err := conn.Read(make([]byte, 1))
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}
