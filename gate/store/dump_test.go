package store_test

import (
	"database/sql"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// dumpSQL writes a database as the statements that make it again, as the sqlite3
// shell's .dump does.
func dumpSQL(t *testing.T, path string) string {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var out strings.Builder
	out.WriteString("PRAGMA foreign_keys = off;\n")
	for _, pragma := range []string{"application_id", "user_version"} {
		var v int
		if err := db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&v); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "PRAGMA %s = %d;\n", pragma, v)
	}
	objects := query(t, db, "SELECT name, type, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type DESC, name")
	for _, o := range objects {
		fmt.Fprintf(&out, "%s;\n", o[2])
	}
	for _, o := range objects {
		if o[1] != "table" {
			continue
		}
		for _, row := range query(t, db, fmt.Sprintf("SELECT * FROM %q", o[0])) {
			values := make([]string, len(row))
			for i, v := range row {
				values[i] = literal(v)
			}
			fmt.Fprintf(&out, "INSERT INTO %q VALUES (%s);\n", o[0], strings.Join(values, ", "))
		}
	}
	return out.String()
}

func query(t *testing.T, db *sql.DB, q string) [][]any {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out [][]any
	for rows.Next() {
		row, dest := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			dest[i] = &row[i]
		}
		if err := rows.Scan(dest...); err != nil {
			t.Fatal(err)
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func literal(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case []byte:
		return "x'" + hex.EncodeToString(v) + "'"
	case string:
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	default:
		return fmt.Sprint(v)
	}
}
