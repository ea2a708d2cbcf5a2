package store

import "errors"

// Errors of the database itself, as opposed to those of a consumer's domain.
var (
	// ErrCorrupt means that the file is not a sound database.
	ErrCorrupt = errors.New("database is damaged: stop central, keep the file and its -wal, restore the latest backup")

	// ErrFull means that the disk or a quota has no room. Nothing was written.
	ErrFull = errors.New("disk is full: free space on the database's file system; nothing was lost")

	// ErrTooNew means that a later release has already migrated the file.
	ErrTooNew = errors.New("database was migrated by a later release: run that release, or restore a backup from before it")

	// ErrMigrationChanged means that an applied migration differs from the one in
	// this program: the schema is not what the queries expect.
	ErrMigrationChanged = errors.New("an applied migration differs from this program's: the database belongs to another build")

	// ErrBusy means that another process holds the write lock for too long.
	ErrBusy = errors.New("database is locked by another process: only one central may use a SQLite file")
)
