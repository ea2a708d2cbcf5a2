package store

import "context"

// Mentions lists the columns, as table.column, in which a text stands.
func (s *Store) Mentions(ctx context.Context, word string) (out []string, err error) {
	err = s.view(ctx, func(t *tx) error {
		tables, err := s.shape(ctx, t)
		if err != nil {
			return err
		}
		out = nil
		for _, of := range tables {
			for _, column := range of.columns {
				var n int
				query := `SELECT COUNT(*) FROM "` + of.name + `" WHERE CAST("` + column + `" AS TEXT) LIKE '%' || $1 || '%'`
				if err := t.row(ctx, query, []any{word}, &n); err != nil {
					return err
				}
				if n > 0 {
					out = append(out, of.name+"."+column)
				}
			}
		}
		return nil
	})
	return out, err
}
