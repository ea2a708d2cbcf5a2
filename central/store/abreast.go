package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/con-ting/conting/central/outbox"
)

// What a server that is a network away costs is the ways there and back. Functions
// of updateShared are right beside others of their kind, so those of one transaction
// go abreast: each runs until it asks something of the database, then what all of
// them ask is sent at once. So a transaction takes as many ways as its longest
// function has statements, however many functions it has.

// file is where one of the functions stands.
type file struct {
	asks  chan<- event // to who leads them
	reply chan error
	nth   int

	query string
	args  []any
	take  func(pgx.BatchResults) error // reads the answer

	dirty bool // it has changed something
}

// event is that a function asks something, or has ended.
type event struct {
	file  *file
	ended bool
}

// do asks, and waits for the answer.
func (f *file) do(query string, args []any, take func(pgx.BatchResults) error) error {
	f.query, f.args, f.take = query, args, take
	f.asks <- event{file: f}
	return <-f.reply
}

func (f *file) exec(query string, args []any) (n int64, err error) {
	err = f.do(query, args, func(r pgx.BatchResults) error {
		tag, err := r.Exec()
		n = tag.RowsAffected()
		f.dirty = f.dirty || n > 0
		return err
	})
	return n, classify(err)
}

// row answers sql.ErrNoRows when there is none.
func (f *file) row(query string, args, dest []any) error {
	err := f.do(query, args, func(r pgx.BatchResults) error {
		err := r.QueryRow().Scan(dest...)
		if !errors.Is(err, pgx.ErrNoRows) {
			f.dirty = f.dirty || !reads(query)
		}
		return err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return sql.ErrNoRows
	}
	return err
}

func (f *file) rows(query string, args []any, each func(scanner) error) error {
	err := f.do(query, args, func(b pgx.BatchResults) error {
		r, err := b.Query()
		if err != nil {
			return err
		}
		defer r.Close()
		for r.Next() {
			f.dirty = f.dirty || !reads(query)
			if err := each(r); err != nil {
				return err
			}
		}
		return r.Err()
	})
	return classify(err)
}

// abreast is each for functions of updateShared, of which none is guarded.
func (l *lane) abreast(ctx context.Context, c *session, batch []*job, _ bool) (kept int, err error) {
	events := make(chan event, len(batch))
	files, late := make([]*file, len(batch)), make([][]outbox.Row, len(batch))
	for i, j := range batch {
		f := &file{asks: events, reply: make(chan error, 1), nth: i}
		files[i] = f
		j.again, j.thrown = false, ""
		go func() {
			defer func() { events <- event{file: f, ended: true} }()
			j.err = j.call(&tx{file: f, late: &late[i], now: l.store.now()})
		}()
	}
	var asked []*file
	for live := len(batch); live > 0; {
		switch e := <-events; {
		case e.ended:
			live--
		default:
			asked = append(asked, e.file)
		}
		if len(asked) < live || live == 0 {
			continue
		}
		slices.SortFunc(asked, func(a, b *file) int { return a.nth - b.nth }) // who came first gets it
		if err == nil {
			err = l.send(ctx, c, asked)
		}
		for _, f := range asked {
			if err != nil { // whoever is left shall come to an end
				f.reply <- err
			}
		}
		asked = asked[:0]
	}
	if err != nil {
		if err = l.store.explain(c, err); c.conn == nil {
			return 0, lost(err, c)
		}
		return 0, errSpoilt
	}
	for i, j := range batch {
		if j.err == nil {
			kept++
			c.owed = append(c.owed, late[i]...)
			continue
		}
		if files[i].dirty {
			return 0, errSpoilt
		}
		j.again = again(j.err)
	}
	return kept, nil
}

// send asks what all of them ask, and answers those that have an answer. Its error
// is that the transaction has failed; nobody was answered then.
func (l *lane) send(ctx context.Context, c *session, asked []*file) error {
	answers := make([]error, len(asked))
	err := raw(c.conn, func(pg *pgx.Conn) error {
		var b pgx.Batch
		for _, f := range asked {
			b.Queue(l.store.dialect.rewrite(f.query), f.args...)
		}
		results := pg.SendBatch(ctx, &b)
		for i, f := range asked {
			if answers[i] = f.take(results); answers[i] != nil && !errors.Is(answers[i], pgx.ErrNoRows) {
				break // of what follows nothing was done
			}
		}
		return results.Close()
	})
	if err != nil {
		return err
	}
	for i, f := range asked {
		f.reply <- answers[i]
	}
	return nil
}
