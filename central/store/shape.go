package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// table is a table as the engine describes it.
type table struct {
	name    string
	columns []string // in the order of their names, which is the same in each engine
	key     []string // of its primary key, in order
	refers  []string // tables that must have rows before it
}

// Tables that no backup holds: what is known of the schema stands in its header, and
// who leads is about processes that run.
var unkept = []string{"migration", "seat"}

// columnsOf and referencesOf ask an engine about itself: name, column and place in
// the primary key (0 for none); name and what it refers to.
var (
	columnsOf = map[string]string{
		"sqlite": `SELECT m.name, c.name, c.pk FROM sqlite_schema m JOIN pragma_table_info(m.name) c
			WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.name`,
		"postgres": `SELECT c.relname::text, a.attname::text, COALESCE(array_position(i.indkey::int2[], a.attnum) + 1, 0)::bigint
			FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
			LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
			WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace ORDER BY 1, 2`,
	}
	referencesOf = map[string]string{
		"sqlite": `SELECT m.name, f."table" FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f
			WHERE m.type = 'table' ORDER BY 1, 2`,
		"postgres": `SELECT c.relname::text, r.relname::text FROM pg_constraint f
			JOIN pg_class c ON c.oid = f.conrelid JOIN pg_class r ON r.oid = f.confrelid
			WHERE f.contype = 'f' AND c.relnamespace = current_schema()::regnamespace ORDER BY 1, 2`,
	}
)

// shape returns the tables that there are, those that others refer to first.
func (s *Store) shape(ctx context.Context, t *tx) ([]*table, error) {
	byName := make(map[string]*table)
	var names []string
	type part struct {
		table, name string
		place       int
	}
	parts, err := rows(ctx, t, func(r scanner) (p part, err error) { return p, r.Scan(&p.table, &p.name, &p.place) }, columnsOf[s.dialect.name])
	if err != nil {
		return nil, fmt.Errorf("list columns: %w", err)
	}
	for _, p := range parts {
		of := byName[p.table]
		if of == nil {
			of = &table{name: p.table}
			byName[p.table], names = of, append(names, p.table)
		}
		of.columns = append(of.columns, p.name)
		if p.place > 0 {
			for len(of.key) < p.place {
				of.key = append(of.key, "")
			}
			of.key[p.place-1] = p.name
		}
	}
	slices.Sort(names)
	references, err := rows(ctx, t, func(r scanner) (p part, err error) { return p, r.Scan(&p.table, &p.name) }, referencesOf[s.dialect.name])
	if err != nil {
		return nil, fmt.Errorf("list references: %w", err)
	}
	for _, p := range references {
		if of := byName[p.table]; of != nil && p.table != p.name {
			of.refers = append(of.refers, p.name)
		}
	}
	return inOrder(names, byName)
}

// inOrder sorts tables so that each stands after those that it refers to.
func inOrder(names []string, byName map[string]*table) (out []*table, err error) {
	placed := make(map[string]bool)
	for len(out) < len(names) {
		before := len(out)
		for _, n := range names {
			t := byName[n]
			if placed[n] || slices.ContainsFunc(t.refers, func(r string) bool { return !placed[r] }) {
				continue
			}
			slices.Sort(t.columns)
			placed[n], out = true, append(out, t)
		}
		if len(out) == before {
			return nil, fmt.Errorf("tables refer to each other in a circle, beside %d that do not", before)
		}
	}
	return out, nil
}

// kept are the tables that a backup holds.
func kept(all []*table) (out []*table) {
	for _, t := range all {
		if !slices.Contains(unkept, t.name) {
			out = append(out, t)
		}
	}
	return out
}

// list joins names for a statement. They come from the engine itself, or were
// compared with what it says.
func list(names []string) string { return `"` + strings.Join(names, `", "`) + `"` }
