package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// Everything that is PostgreSQL's own stands in this file and in migration/postgres.

const (
	// writeLock is the advisory lock that stands for the right to write: whoever
	// writes alone has it alone, in all centrals of one database.
	writeLock = 0x636f6e74696e67 // "conting"

	// lanes is how many transactions of updateShared run at once.
	lanes = 4

	// postgresLimit bounds a transaction, beyond what the server is told.
	postgresLimit = 12 * time.Second
)

func postgresDialect(place string) *dialect {
	// A snapshot is taken by the first statement after the lock is had, if each
	// statement takes its own.
	write := func(lock string) begin {
		return begin("BEGIN ISOLATION LEVEL READ COMMITTED; SELECT " + lock + "(" + strconv.Itoa(writeLock) + "); SELECT pg_current_xact_id()")
	}
	return &dialect{
		name: "postgres", place: place,
		reads:        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
		writesAlone:  write("pg_advisory_xact_lock"),
		writesBeside: write("pg_advisory_xact_lock_shared"),
		lasts:        "; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0",
		most:         60, // a transaction with more than 64 parts slows all others down
		abreast:      true,
		limit:        postgresLimit,
		rewrite: func(query string) string {
			return strings.ReplaceAll(query, " /*+ FOR UPDATE SKIP LOCKED */", " FOR UPDATE SKIP LOCKED")
		},
		opened:   func(context.Context, *sql.Conn) error { return nil },
		begin:    beginPostgres,
		commit:   commitPostgres,
		sound:    soundPostgres,
		lost:     lostPostgres,
		happened: happenedPostgres,
		check:    checkPostgres,
	}
}

func openPostgres(cfg Config) (*Store, error) {
	pg, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return nil, errors.New("url of the database: it is not postgres://user:password@host/name?sslmode=verify-full") // whatever else stands there is secret
	}
	if err := private(pg); err != nil {
		return nil, err
	}
	if pg.ConnectTimeout == 0 {
		pg.ConnectTimeout = 5 * time.Second
	}
	for name, value := range map[string]string{
		"application_name":                    "conting-central",
		"synchronous_commit":                  "on", // an answer that was given is on the disk
		"statement_timeout":                   "8s",
		"lock_timeout":                        "6s",
		"idle_in_transaction_session_timeout": "5s", // a central that hangs does not hold up the others
	} {
		if _, set := pg.RuntimeParams[name]; !set || name == "synchronous_commit" && pg.RuntimeParams[name] == "off" {
			pg.RuntimeParams[name] = value
		}
	}
	db := stdlib.OpenDB(*pg)
	db.SetMaxOpenConns(readers + 1 + lanes)
	db.SetMaxIdleConns(0) // those that are in use are kept by their sessions
	d := postgresDialect(net.JoinHostPort(pg.Host, strconv.Itoa(int(pg.Port))) + "/" + pg.Database)
	s := &Store{dialect: d, dbs: []*sql.DB{db}, read: newPool(db, d, readers), now: cfg.Now}
	s.alone = &lane{store: s, pool: newPool(db, d, 1), begin: d.writesAlone}
	s.beside = &lane{store: s, pool: newPool(db, d, lanes), begin: d.writesBeside}
	return s, nil
}

// private refuses an address on which others could read along, or answer in the
// server's place.
func private(pg *pgx.ConnConfig) error {
	verified := func(c *pgconn.FallbackConfig) bool {
		return c.TLSConfig != nil && (!c.TLSConfig.InsecureSkipVerify || c.TLSConfig.VerifyPeerCertificate != nil)
	}
	all := append([]*pgconn.FallbackConfig{{Host: pg.Host, TLSConfig: pg.TLSConfig}}, pg.Fallbacks...)
	for _, c := range all {
		ip := net.ParseIP(c.Host)
		if strings.HasPrefix(c.Host, "/") || c.Host == "localhost" || ip != nil && ip.IsLoopback() || verified(c) {
			continue
		}
		return fmt.Errorf("%w: the way to %s is not protected: add sslmode=verify-full (and sslrootcert=FILE) to its url", ErrUnsuitable, c.Host)
	}
	return nil
}

func raw(c *sql.Conn, fn func(*pgx.Conn) error) error {
	return c.Raw(func(driverConn any) error {
		own, ok := driverConn.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("connection is a %T", driverConn)
		}
		return fn(own.Conn())
	})
}

// beginPostgres begins a transaction, gets its lock and its number in one round trip.
func beginPostgres(ctx context.Context, c *sql.Conn, query string) (mark string, err error) {
	err = raw(c, func(pg *pgx.Conn) error {
		results, err := pg.PgConn().Exec(ctx, query).ReadAll()
		for _, r := range results {
			if len(r.Rows) == 1 {
				mark = string(r.Rows[0][0]) // of the last that answered
			}
		}
		return err
	})
	return mark, err
}

// commitPostgres fails where a statement had failed: COMMIT alone says ROLLBACK then,
// and no error.
func commitPostgres(ctx context.Context, c *sql.Conn) error {
	return raw(c, func(pg *pgx.Conn) error {
		tag, err := pg.Exec(ctx, "COMMIT")
		if err == nil && tag.String() != "COMMIT" {
			err = errRolledBack
		}
		return err
	})
}

func soundPostgres(c *sql.Conn) error {
	return raw(c, func(pg *pgx.Conn) error {
		if pg.PgConn().TxStatus() != 'T' {
			return errRolledBack
		}
		return nil
	})
}

func lostPostgres(c *sql.Conn) bool {
	gone := true
	err := raw(c, func(pg *pgx.Conn) error {
		gone = pg.IsClosed()
		return nil
	})
	return gone || err != nil
}

const transactionStatus = `SELECT COALESCE(pg_xact_status($1::text::xid8), '')`

// happenedPostgres tells whether the transaction of that number was committed. It
// waits for one that still runs on a connection that only this side has lost.
func happenedPostgres(ctx context.Context, c *sql.Conn, mark string) (bool, error) {
	for {
		var status string
		if err := c.QueryRowContext(ctx, transactionStatus, mark).Scan(&status); err != nil {
			return false, err
		}
		switch status {
		case "committed":
			return true, nil
		case "aborted":
			return false, nil
		case "":
			return false, errUnknown
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// By bytes, upper case stands before lower, and both before letters with accents.
const suitable = `SELECT current_setting('server_version_num')::BIGINT, getdatabaseencoding(), 'a' > 'B' AND 'é' > 'z' AND 'Z' > '-a',
	pg_is_in_recovery(), current_setting('fsync'), current_setting('full_page_writes')`

func checkPostgres(ctx context.Context, t *tx, logger *slog.Logger) error {
	var (
		version          int
		encoding         string
		byBytes, standby bool
		fsync, pages     string
	)
	if err := t.row(ctx, suitable, nil, &version, &encoding, &byBytes, &standby, &fsync, &pages); err != nil {
		return classify(err)
	}
	switch {
	case version < 130000:
		return fmt.Errorf("%w: PostgreSQL 13 or later is needed", ErrUnsuitable)
	case standby:
		return fmt.Errorf("%w: it is a standby: give the url of the primary, or both with target_session_attrs=read-write", ErrUnsuitable)
	case encoding != "UTF8" || !byBytes:
		return fmt.Errorf("%w: create it with CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'", ErrUnsuitable)
	}
	if fsync != "on" || pages != "on" {
		logger.WarnContext(ctx, "database server does not wait for its disk: a power cut can destroy what it said was kept",
			slog.String("fsync", fsync), slog.String("full_page_writes", pages))
	}
	return nil
}

func kindOfPostgres(e *pgconn.PgError) error {
	switch e.Code {
	case "53100": // disk_full
		return ErrFull
	case "XX001", "XX002": // data_corrupted, index_corrupted
		return ErrCorrupt
	case "55P03", "57014", "57P01", "57P02", "57P03", "57P05", "25P03", "25006", "40001", "40P01":
		// lock_not_available, query_canceled (by a time-out), admin_shutdown, crash_shutdown,
		// cannot_connect_now, idle_session_timeout, idle_in_transaction_session_timeout,
		// read_only_sql_transaction (a standby), serialization_failure, deadlock_detected
		return ErrUnavailable
	}
	if strings.HasPrefix(e.Code, "08") || strings.HasPrefix(e.Code, "53") { // connection_exception, insufficient_resources
		return ErrUnavailable
	}
	return nil
}
