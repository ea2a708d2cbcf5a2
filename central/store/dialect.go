package store

import (
	"context"
	"database/sql"
	"log/slog"
	"time"
)

// dialect is what an engine does in a way of its own.
type dialect struct {
	name  string // of the engine and of its folder of migrations
	place string // for people: where the database is, without secrets

	// How transactions begin: one that reads a snapshot, one that writes alone, one
	// that writes beside others of its kind. A long one has limits of its own.
	reads, writesAlone, writesBeside begin
	lasts                            string // added to one that may take long

	most     int           // functions in one transaction
	abreast  bool          // those of updateShared ask together, see abreast.go
	limit    time.Duration // of a transaction that does not last; 0 for none, where nothing can hang
	rewrite  func(query string) string
	opened   func(ctx context.Context, c *sql.Conn) error // a connection, before it is used
	begin    func(ctx context.Context, c *sql.Conn, query string) (mark string, err error)
	commit   func(ctx context.Context, c *sql.Conn) error
	sound    func(c *sql.Conn) error // fails if a statement of the transaction has, or if the engine has ended it
	lost     func(c *sql.Conn) bool  // the connection is of no more use
	happened func(ctx context.Context, c *sql.Conn, mark string) (bool, error)
	check    func(ctx context.Context, t *tx, logger *slog.Logger) error
}

// begin is the SQL that begins a transaction.
type begin string
