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

func migrations() ([]step, error) {
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
// the first of steps, unchanged.
func (s *Store) migrate(ctx context.Context, steps []step, logger *slog.Logger) error {
	var applied []step
	err := s.update(ctx, func(t *tx) error {
		if _, err := t.exec(ctx, createMigration); err != nil {
			return err
		}
		var err error
		applied, err = rows(ctx, t, func(r scanner) (m step, err error) {
			return m, r.Scan(&m.name, &m.hash)
		}, listMigration)
		return err
	})
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if err := sameHistory(applied, steps); err != nil {
		return err
	}
	for _, m := range steps[len(applied):] {
		err := s.update(ctx, func(t *tx) error {
			if _, err := t.exec(ctx, m.body); err != nil {
				return err
			}
			_, err := t.exec(ctx, insertMigration, m.name, m.hash, t.ms())
			return err
		})
		if err != nil {
			return fmt.Errorf("migration %s: %w", m.name, err)
		}
		logger.InfoContext(ctx, "migration applied", slog.String("migration", m.name))
	}
	return nil
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
