package store

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"slices"
)

// One folder per dialect, the same file names in each. Files are applied in the
// order of their names, forward only, each in its own transaction, and are never
// edited once released: the hash of each applied file is kept and compared.
//
//go:embed migration
var migrationFiles embed.FS

// step is one migration file.
type step struct {
	name, body, hash string
}

func migrations(dialect string) ([]step, error) {
	files, err := fs.Glob(migrationFiles, path.Join("migration", dialect, "*.sql"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	steps := make([]step, 0, len(files))
	for _, f := range files {
		body, err := migrationFiles.ReadFile(f)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(body)
		steps = append(steps, step{name: path.Base(f), body: string(body), hash: hex.EncodeToString(sum[:])})
	}
	return steps, nil
}

const (
	createMigration = `CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY, hash TEXT NOT NULL, applied BIGINT NOT NULL)`
	listMigration   = `SELECT name, hash FROM migration ORDER BY name`
	insertMigration = `INSERT INTO migration (name, hash, applied) VALUES ($1, $2, $3)`
)

// migrate applies the steps that the database lacks. The applied ones must be
// the first of steps, unchanged. Several centrals may do it at once: each step looks
// again, in its own transaction.
func (s *Store) migrate(ctx context.Context, steps []step, logger *slog.Logger) error {
	for {
		var next *step
		err := s.bulk(ctx, func(t *tx) (err error) {
			next, err = s.migrateOne(ctx, t, steps)
			return err
		})
		if err != nil {
			return err
		}
		if next == nil {
			return nil
		}
		logger.InfoContext(ctx, "migration applied", slog.String("migration", next.name))
	}
}

// migrateOne applies the next step, if there is one.
func (s *Store) migrateOne(ctx context.Context, t *tx, steps []step) (*step, error) {
	if _, err := t.exec(ctx, createMigration); err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	applied, err := rows(ctx, t, func(r scanner) (m step, err error) {
		return m, r.Scan(&m.name, &m.hash)
	}, listMigration)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	if err := sameHistory(applied, steps); err != nil {
		return nil, err
	}
	if len(applied) == len(steps) {
		return nil, nil //nolint:nilnil // as it says
	}
	m := &steps[len(applied)]
	if _, err := t.exec(ctx, m.body); err != nil {
		return nil, fmt.Errorf("migration %s: %w", m.name, err)
	}
	if _, err := t.exec(ctx, insertMigration, m.name, m.hash, t.ms()); err != nil {
		return nil, fmt.Errorf("migration %s: %w", m.name, err)
	}
	return m, nil
}

func sameHistory(applied, steps []step) error {
	for i, a := range applied {
		if i >= len(steps) {
			return fmt.Errorf("%w (it has %s)", ErrTooNew, a.name)
		}
		if a.name != steps[i].name || a.hash != steps[i].hash {
			return fmt.Errorf("%w (it has %s, this program %s)", ErrMigrationChanged, a.name, steps[i].name)
		}
	}
	return nil
}
