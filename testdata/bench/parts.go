package main

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"time"

	"github.com/con-ting/conting/gate/qr"
	_ "github.com/con-ting/conting/gate/store" // registers the database driver
	"github.com/con-ting/conting/testdata/frames"
)

// How often each part is measured.
const (
	emptyFrames = 60
	inserts     = 1000
)

// frameWithoutCode is what a camera that sees nobody costs, at 1280×720.
func (r *rig) frameWithoutCode(context.Context) error {
	d, err := qr.New(qr.Config{Now: time.Now})
	if err != nil {
		return err
	}
	var s series
	renderer := frames.NewRenderer()
	for seed := range uint64(emptyFrames) {
		gray, err := renderer.Gray(frames.Empty.Scene(seed, frames.HD, ""))
		if err != nil {
			return err
		}
		began := time.Now()
		codes, err := d.Decode(gray)
		s.ms(time.Since(began))
		if err != nil {
			return err
		}
		if len(codes) != 0 {
			return errors.New("a code was read where there is none")
		}
	}
	return r.print("frame_without_code_ms", s)
}

// bareInsert is the physical limit of a durable decision: one row, one
// transaction, on the disk.
func (r *rig) bareInsert(ctx context.Context) error {
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(r.dir, "bare.db")+"?_journal_mode=WAL&_synchronous=FULL")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, "CREATE TABLE entry (seq INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT"); err != nil {
		return err
	}
	row := make([]byte, 200)
	var s series
	for seq := range inserts {
		began := time.Now()
		if _, err := db.ExecContext(ctx, "INSERT INTO entry (seq, bytes) VALUES ($1, $2)", seq, row); err != nil {
			return err
		}
		s.ms(time.Since(began))
	}
	return r.print("bare_fsync_insert_ms", s)
}
