package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/con-ting/conting/central/outbox"
)

// patience is how long a caller waits for its turn before it is told that the
// database is too busy.
const patience = 15 * time.Second

// pool is a fixed number of connections, each of which keeps its prepared
// statements. database/sql has a pool too, but whoever waits in that one for a
// second connection, holding a first, waits for ever.
type pool struct {
	idle   chan *session
	closed chan struct{}
	size   int
}

func newPool(db *sql.DB, d *dialect, size int) *pool {
	p := &pool{idle: make(chan *session, size), closed: make(chan struct{}), size: size}
	for range size {
		p.idle <- &session{db: db, dialect: d}
	}
	return p
}

// take waits for a connection that nobody uses.
func (p *pool) take(ctx context.Context) (*session, error) {
	select {
	case <-p.closed:
		return nil, errClosed
	default:
	}
	select {
	case s := <-p.idle:
		return s, nil
	default:
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case s := <-p.idle:
		return s, nil
	case <-p.closed:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, fmt.Errorf("%w: all connections are in use", ErrUnavailable)
	}
}

func (p *pool) put(s *session) { p.idle <- s }

// close waits until nobody uses a connection, and closes all.
func (p *pool) close() error {
	select {
	case <-p.closed:
		return nil
	default:
		close(p.closed)
	}
	var errs []error
	for range p.size {
		errs = append(errs, (<-p.idle).close())
	}
	return errors.Join(errs...)
}

// session is one connection, used by one goroutine at a time.
type session struct {
	db      *sql.DB
	dialect *dialect
	conn    *sql.Conn // nil until it is needed, and after it was lost
	dirty   bool      // the function that runs may have changed something, or broken the transaction

	owed []outbox.Row // to be posted before the transaction ends
}

// begin begins a transaction, on a new connection if the old one was lost while
// nobody used it. Its error wraps [ErrUnavailable] if there is none to be had.
func (s *session) begin(ctx context.Context, query string) (mark string, err error) {
	for fresh := false; ; {
		if s.conn == nil {
			if s.conn, err = s.db.Conn(ctx); err != nil {
				s.conn = nil
				return "", fmt.Errorf("%w: %w", ErrUnavailable, classify(err))
			}
			fresh = true
			if err := s.dialect.opened(ctx, s.conn); err != nil {
				s.drop()
				return "", fmt.Errorf("%w: %w", ErrUnavailable, classify(err))
			}
		}
		if mark, err = s.dialect.begin(ctx, s.conn, query); err == nil {
			return mark, nil
		}
		if s.dialect.lost(s.conn) {
			s.drop()
			if !fresh {
				continue
			}
			return "", fmt.Errorf("begin: %w: %w", ErrUnavailable, err)
		}
		s.rollback(ctx)
		return "", fmt.Errorf("begin: %w", classify(err))
	}
}

// rollback undoes the transaction, if necessary by giving up the connection.
func (s *session) rollback(ctx context.Context) {
	if s.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if _, err := s.conn.ExecContext(ctx, "ROLLBACK"); err != nil {
		s.drop()
	}
}

// drop gives up a connection that is in an unknown state.
func (s *session) drop() {
	if s.conn == nil {
		return
	}
	_ = s.conn.Raw(func(any) error { return driver.ErrBadConn }) // nothing to say: it is gone
	_ = s.conn.Close()
	s.conn = nil
}

func (s *session) close() error {
	if s.conn == nil {
		return nil
	}
	err := s.conn.Close()
	s.conn = nil
	if errors.Is(err, sql.ErrConnDone) {
		err = nil
	}
	return err
}
