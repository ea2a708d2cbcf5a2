package store

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/con-ting/conting/central/outbox"
)

// Functions that wait to write share one transaction, and so one wait for the disk,
// and each is answered when all are durable. One that fails having changed nothing,
// as who finds a seat taken, leaves no trace. If one fails otherwise, all are run
// again, each behind a savepoint of its own, as are those of the next transactions:
// a savepoint costs as much as a statement.

const (
	// maxWaiting bounds those who wait; beyond it the database is too slow for what
	// is asked of it, and to wait longer would help nobody.
	maxWaiting = 10_000

	// attempts is how often a function runs that an engine asks to be run again.
	attempts = 4

	// wary is for how many transactions savepoints are used after one was spoilt.
	wary = 16
)

// update runs fn in a write transaction and returns when it is durable, if fn
// returned nil. On any error nothing of it is kept. No other function that writes
// runs between its first line and its last, in no central, unless it came through
// updateShared here and both are on SQLite, where there is one writer anyway.
//
// fn shares the transaction with others and may run more than once (see the package
// comment). Once it has begun, the end of ctx does not stop it. It must not call
// update or view again and must not wait for anything but the database.
func (s *Store) update(ctx context.Context, fn func(*tx) error) error {
	return s.alone.do(ctx, &job{fn: fn})
}

// updateShared is update for functions whose every statement is right beside those
// of others of this kind: conditions stand in the statement that writes, and what was
// read before decides nothing. None waits for a row that another may have changed,
// but for one of the same order or person. On PostgreSQL several transactions run at
// once, and in each its functions go abreast (see abreast.go), but never while an
// update does. Rows that are posted to the outbox stand there when the transaction
// ends, so fn must not read the outbox.
func (s *Store) updateShared(ctx context.Context, fn func(*tx) error) error {
	return s.beside.do(ctx, &job{fn: fn, shared: true})
}

// bulk is update for what may take long: fn is alone in its transaction, which ends
// with ctx.
func (s *Store) bulk(ctx context.Context, fn func(*tx) error) error {
	return s.alone.do(ctx, &job{fn: fn, lasts: ctx})
}

// job is a function that waits for its transaction, or runs in it.
type job struct {
	fn     func(*tx) error
	lasts  context.Context //nolint:containedctx // of bulk: its transaction's; else nil
	shared bool            // of updateShared

	lead chan []*job   // the batch that its caller shall run
	done chan struct{} // it was run by another

	// owned by who runs the batch until done is closed
	err    error
	again  bool   // err asks for another attempt
	thrown string // what fn panicked with
}

// lane runs batches of functions, as many at once as its pool has connections. Who
// waits longest runs the next batch: there is no goroutine to start or to stop.
type lane struct {
	store *Store
	pool  *pool
	begin begin
	wary  atomic.Int32 // how many transactions more use savepoints

	mu      sync.Mutex
	waiting []*job // guarded by mu
	busy    int    // batches that run; guarded by mu
}

func (l *lane) do(ctx context.Context, j *job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j.lead, j.done = make(chan []*job, 1), make(chan struct{})
	l.mu.Lock()
	switch {
	case l.busy < l.pool.size:
		l.busy++
		l.mu.Unlock()
		l.run([]*job{j}) //nolint:contextcheck // see there
	case len(l.waiting) >= maxWaiting:
		l.mu.Unlock()
		return fmt.Errorf("%w: %d others wait already", ErrUnavailable, maxWaiting)
	default:
		l.waiting = append(l.waiting, j)
		l.mu.Unlock()
		if err := l.wait(ctx, j); err != nil {
			return err
		}
	}
	if j.thrown != "" {
		panic(j.thrown) //nolint:forbidigo // fn's own, on its way to whoever it would have reached
	}
	return j.err
}

// wait returns when j was run, by its caller or by another. Its error means that it
// was not and will not be.
func (l *lane) wait(ctx context.Context, j *job) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	var err error
	select {
	case batch := <-j.lead:
		l.run(batch) //nolint:contextcheck // see there
		return nil
	case <-j.done:
		return nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-timer.C:
		err = fmt.Errorf("%w: it is too busy", ErrUnavailable)
	}
	if l.leave(j) {
		return err
	}
	select { // too late: what it answers must be waited for
	case batch := <-j.lead:
		l.run(batch) //nolint:contextcheck // see there
	case <-j.done:
	}
	return nil
}

// leave takes a job out of those that wait, and reports whether it was there.
func (l *lane) leave(j *job) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.waiting, j)
	if i < 0 {
		return false
	}
	l.waiting = slices.Delete(l.waiting, i, i+1)
	return true
}

// run runs a batch in the caller's goroutine, answers the others, and hands the
// connection on. The transaction is nobody's alone, so nobody's context ends it.
func (l *lane) run(batch []*job) {
	defer l.next()
	defer func() {
		for _, j := range batch {
			close(j.done)
		}
	}()
	settled := l.attempt(batch)
	for n := 1; n < attempts && !settled; n++ { // the connection was lost, or the engine refused the batch for one of them
		settled = true
		for _, part := range l.parts(batch) {
			settled = l.attempt(part) && settled
		}
	}
}

// parts says what is tried again, and what of it together.
func (l *lane) parts(batch []*job) (parts [][]*job) {
	var lost []*job
	for _, j := range batch {
		switch {
		case !j.again:
		case errors.Is(j.err, ErrUnavailable):
			lost = append(lost, j)
		default:
			parts = append(parts, []*job{j})
		}
	}
	if len(lost) > 0 {
		parts = append(parts, lost)
	}
	return parts
}

// next hands over to who waits longest, with those who wait behind it.
func (l *lane) next() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		l.busy--
		return
	}
	n := 1
	if l.waiting[0].lasts == nil {
		for n < min(len(l.waiting), l.store.dialect.most) && l.waiting[n].lasts == nil {
			n++
		}
	}
	batch := slices.Clone(l.waiting[:n])
	l.waiting = slices.Delete(l.waiting, 0, n)
	batch[0].lead <- batch
}

// attempt runs a batch once. It reports false if some of it is worth another
// attempt. Every job has its answer in err, or again is set.
func (l *lane) attempt(batch []*job) (settled bool) {
	ctx, cancel := l.bound(batch)
	defer cancel()
	begun := false
	c, err := l.pool.take(ctx)
	if err == nil {
		defer l.pool.put(c)
		begun, err = l.transact(ctx, c, batch, len(batch) > 1 && l.isWary())
		if errors.Is(err, errSpoilt) {
			l.wary.Store(wary)
			begun, err = l.transact(ctx, c, batch, true)
		}
	}
	if err == nil {
		return !slices.ContainsFunc(batch, func(j *job) bool { return j.again })
	}
	var lost *lostError
	retry := begun && ctx.Err() == nil && (errors.As(err, &lost) || len(batch) > 1 && !errors.Is(err, ErrUnavailable) || again(err))
	for _, j := range batch {
		j.err, j.again, j.thrown = err, retry, ""
	}
	return !retry
}

// isWary tells whether to use savepoints, and counts down.
func (l *lane) isWary() bool {
	n := l.wary.Load()
	return n > 0 && l.wary.CompareAndSwap(n, n-1)
}

// transact runs a batch in one transaction. Its error means that nothing of it was
// kept, or that this is not known; begun, that it was not for want of a transaction.
func (l *lane) transact(ctx context.Context, c *session, batch []*job, guarded bool) (begun bool, err error) {
	begin := string(l.begin)
	if batch[0].lasts != nil {
		begin += l.store.dialect.lasts
	}
	mark, err := c.begin(ctx, begin)
	if err != nil {
		return false, err
	}
	c.owed = c.owed[:0]
	way := l.each
	if l.store.dialect.abreast && batch[0].shared && len(batch) > 1 && !guarded {
		way = l.abreast
	}
	kept, err := way(ctx, c, batch, guarded)
	if err == nil && kept > 0 {
		err = l.postOwed(ctx, c)
	}
	if err != nil || kept == 0 {
		c.rollback(ctx)
		return true, err
	}
	return true, l.commit(ctx, c, mark)
}

// bound is the context of a batch's transaction.
func (l *lane) bound(batch []*job) (context.Context, context.CancelFunc) {
	if ctx := batch[0].lasts; ctx != nil {
		return context.WithCancel(ctx)
	}
	return l.store.bounded(context.Background())
}

// each runs the functions, one after the other, and undoes those that fail, which it
// can if they are guarded, or if there is but one. It returns how many there are to
// commit. Its error means that all are to be undone.
func (l *lane) each(ctx context.Context, c *session, batch []*job, guarded bool) (kept int, err error) {
	for i, j := range batch {
		if !j.shared {
			if err := l.postOwed(ctx, c); err != nil {
				return 0, err
			}
		}
		if guarded {
			mark := "SAVEPOINT job"
			if i > 0 {
				mark = "RELEASE SAVEPOINT job; SAVEPOINT job"
			}
			if err := c.run(ctx, mark); err != nil {
				return 0, lost(l.store.explain(c, err), c)
			}
		}
		j.again, j.thrown, c.dirty = false, "", false
		t := &tx{sql: conn{c, ctx}, now: l.store.now()}
		var late []outbox.Row
		if j.shared {
			t.late = &late
		}
		err := j.call(t)
		if err == nil && guarded {
			err = l.store.dialect.sound(c.conn)
		}
		if err == nil {
			j.err = nil
			kept++
			c.owed = append(c.owed, late...)
			continue
		}
		if err = l.store.explain(c, err); c.conn == nil {
			return 0, lost(err, c)
		}
		j.err, j.again = err, again(err)
		switch {
		case guarded:
			if err := c.run(ctx, "ROLLBACK TO SAVEPOINT job"); err != nil {
				return 0, lost(l.store.explain(c, err), c)
			}
		case len(batch) > 1 && (c.dirty || l.store.dialect.sound(c.conn) != nil):
			return 0, errSpoilt
		}
	}
	return kept, nil
}

// postOwed writes what functions of updateShared have posted.
func (l *lane) postOwed(ctx context.Context, c *session) error {
	if len(c.owed) == 0 {
		return nil
	}
	err := insertPosts(ctx, &tx{sql: conn{c, ctx}, now: l.store.now()}, c.owed)
	if c.owed = c.owed[:0]; err == nil {
		return nil
	}
	return lost(l.store.explain(c, err), c)
}

// lostError is that the connection was lost while nothing of the transaction had
// been kept.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

func lost(err error, c *session) error {
	if c.conn != nil {
		return err
	}
	return &lostError{err}
}

// call runs fn. Its caller, not whoever runs the batch, shall see it panic.
func (j *job) call(t *tx) (err error) {
	defer func() {
		if r := recover(); r != nil {
			j.thrown = fmt.Sprintf("%v\n\n%s", r, debug.Stack())
			err = errPanic
		}
	}()
	return j.fn(t)
}

// commit makes a batch durable. When the connection breaks meanwhile, it finds out
// what became of the transaction, if it can.
func (l *lane) commit(ctx context.Context, c *session, mark string) error {
	err := l.store.dialect.commit(ctx, c.conn)
	if err == nil {
		return nil
	}
	if !l.store.dialect.lost(c.conn) {
		c.rollback(ctx)
		return fmt.Errorf("commit: %w", classify(err))
	}
	c.drop()
	ctx, cancel := l.store.bounded(ctx)
	defer cancel()
	if c.conn, err = c.db.Conn(ctx); err != nil {
		c.conn = nil
		return fmt.Errorf("commit: %w: %w: %w", ErrUnavailable, errUnknown, err)
	}
	happened, err := l.store.dialect.happened(ctx, c.conn, mark)
	switch {
	case err != nil:
		c.drop()
		return fmt.Errorf("commit: %w: %w: %w", ErrUnavailable, errUnknown, err)
	case happened:
		return nil
	}
	c.drop()
	return lost(fmt.Errorf("commit: %w", ErrUnavailable), c)
}

func (s *session) run(ctx context.Context, query string) error {
	_, err := s.conn.ExecContext(ctx, query)
	return err
}
