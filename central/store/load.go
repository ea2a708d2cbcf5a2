package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/con-ting/conting/central/archive"
)

// ErrNotEmpty means that a database holds something that a restore would replace.
var ErrNotEmpty = errors.New("database is not empty")

// Restoring says how a backup is taken in.
type Restoring struct {
	// Replace drops what the database holds. Otherwise it must be empty, or the error
	// wraps [ErrNotEmpty].
	Replace bool

	// Ahead moves the numbers of sets, deltas and ledgers beyond all that the central
	// which was backed up may have published since, and ends all sessions: for a
	// backup of some time ago. What moves all at once, with nothing published since,
	// has no need of it.
	Ahead bool
}

// Restore fills a database with a backup, in one transaction: the schema as it was,
// the rows, a comparison of everything with the backup, and then what later
// migrations make of it. After any error the database is as it was before.
func Restore(ctx context.Context, cfg Config, r *archive.Reader, how Restoring) (sum archive.Summary, err error) {
	s, err := connect(cfg)
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	steps, err := migrations(s.dialect.name)
	if err != nil {
		return sum, err
	}
	h := r.Header()
	if len(h.Schema) > len(steps) {
		return sum, fmt.Errorf("backup of release %s: %w (it has %s)", h.Program, ErrTooNew, h.Schema[len(steps)])
	}
	for i, name := range h.Schema {
		if steps[i].name != name {
			return sum, fmt.Errorf("backup of release %s: %w (it has %s, this program %s)", h.Program, ErrMigrationChanged, name, steps[i].name)
		}
	}
	begun := false
	err = s.bulk(ctx, func(t *tx) error {
		if begun { // the connection was lost, and a backup is read but once
			return fmt.Errorf("%w: begin again", ErrUnavailable)
		}
		begun = true
		if err := s.dialect.check(ctx, t, cfg.Logger); err != nil {
			return err
		}
		if err := s.clear(ctx, t, how.Replace); err != nil {
			return err
		}
		if err := s.build(ctx, t, steps[:len(h.Schema)]); err != nil {
			return err
		}
		if sum, err = s.load(ctx, t, r); err != nil {
			return err
		}
		if err := s.compare(ctx, t, h, &sum); err != nil {
			return err
		}
		if err := s.build(ctx, t, steps); err != nil {
			return err
		}
		if how.Ahead {
			return s.ahead(ctx, t, h.At())
		}
		return nil
	})
	if err != nil {
		return archive.Summary{}, fmt.Errorf("restore into %s: %w", s.dialect.place, err)
	}
	return sum, nil
}

// clear drops all tables, if that is wanted or nothing of worth is in them.
func (s *Store) clear(ctx context.Context, t *tx, replace bool) error {
	all, err := s.shape(ctx, t)
	if err != nil {
		return err
	}
	for _, of := range kept(all) {
		var filled bool
		if err := t.row(ctx, `SELECT EXISTS (SELECT 1 FROM "`+of.name+`")`, nil, &filled); err != nil { // #nosec G202 -- the engine's own name
			return err
		}
		if filled && !replace && of.name != "publish_cursor" && of.name != "counter" { // a new one has these
			return fmt.Errorf("%w: table %s has rows", ErrNotEmpty, of.name)
		}
	}
	for _, of := range slices.Backward(all) {
		if _, err := t.exec(ctx, `DROP TABLE "`+of.name+`"`); err != nil {
			return err
		}
	}
	return nil
}

// build applies the steps that the database lacks.
func (s *Store) build(ctx context.Context, t *tx, steps []step) error {
	for {
		next, err := s.migrateOne(ctx, t, steps)
		if err != nil || next == nil {
			return err
		}
	}
}

// load reads the rows in. Nothing of what it does may stay unless it returns nil:
// only then is the backup known to be whole.
func (s *Store) load(ctx context.Context, t *tx, r *archive.Reader) (sum archive.Summary, err error) {
	all, err := s.shape(ctx, t)
	if err != nil {
		return sum, err
	}
	all = kept(all)
	for _, of := range slices.Backward(all) { // what migrations put in
		if _, err := t.exec(ctx, `DELETE FROM "`+of.name+`"`); err != nil { // #nosec G202 -- the engine's own name
			return sum, err
		}
	}
	for {
		from, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return sum, err
		}
		i := slices.IndexFunc(all, func(of *table) bool { return of.name == from.Name })
		if i < 0 || !slices.Equal(all[i].columns, from.Columns) {
			return sum, fmt.Errorf("%w: table %s is not in this schema, or another one there", archive.ErrFormat, from.Name)
		}
		if err := loadTable(ctx, t, all[i], r); err != nil {
			return sum, fmt.Errorf("table %s: %w", from.Name, err)
		}
	}
	sum = r.Summary()
	if len(sum.Tables) != len(all) {
		return sum, fmt.Errorf("%w: it has %d tables, the schema %d", archive.ErrFormat, len(sum.Tables), len(all))
	}
	return sum, nil
}

const (
	// rowsAtOnce and valuesAtOnce bound one INSERT: engines take 32,766 values and more.
	rowsAtOnce   = 200
	valuesAtOnce = 8000
	bytesAtOnce  = 4 << 20
)

func loadTable(ctx context.Context, t *tx, of *table, r *archive.Reader) error {
	most := min(rowsAtOnce, valuesAtOnce/len(of.columns))
	var args []any
	n, size := 0, 0
	flush := func() error {
		if n == 0 {
			return nil
		}
		done, err := t.exec(ctx, insertRows(of, n), args...)
		if err == nil && done != int64(n) {
			err = fmt.Errorf("%d of %d rows were taken", done, n)
		}
		args, n, size = args[:0], 0, 0
		return err
	}
	for {
		row, err := r.Row()
		if errors.Is(err, io.EOF) {
			return flush()
		}
		if err != nil {
			return err
		}
		for _, v := range row {
			switch v := v.(type) {
			case string:
				size += len(v)
			case []byte:
				size += len(v)
			}
		}
		args, n = append(args, row...), n+1
		if n == most || size > bytesAtOnce {
			if err := flush(); err != nil {
				return err
			}
		}
	}
}

func insertRows(of *table, n int) string {
	return `INSERT INTO "` + of.name + `" (` + list(of.columns) + `) VALUES ` + values(n, len(of.columns))
}

// compare reads everything back and compares its hashes with those of the backup.
func (s *Store) compare(ctx context.Context, t *tx, h archive.Header, want *archive.Summary) error {
	a, err := archive.NewWriter(io.Discard, h)
	if err != nil {
		return err
	}
	got, err := s.dump(ctx, t, a)
	if err != nil {
		return err
	}
	if name := want.Differ(&got); name != "" {
		return fmt.Errorf("%w: table %s reads otherwise than it was written", archive.ErrDamaged, name)
	}
	return nil
}
