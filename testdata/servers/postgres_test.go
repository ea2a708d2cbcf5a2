package servers_test

import (
	"strings"
	"testing"

	"github.com/con-ting/conting/testdata/servers"
)

func TestPostgresSharesAServerAndNoDatabase(t *testing.T) {
	one, two := servers.Postgres(t), servers.Postgres(t)
	if one == two {
		t.Fatalf("both are %s", one)
	}
	if a, b := one[:strings.LastIndex(one, "/")], two[:strings.LastIndex(two, "/")]; a != b {
		t.Errorf("two servers: %s, %s", a, b)
	}
}

func TestPostgresStopsAndComesBack(t *testing.T) {
	s := servers.NewPostgres(t)
	run := func(query string) {
		t.Helper()
		if err := s.Run(t.Context(), "postgres", query); err != nil {
			t.Fatal(err)
		}
	}
	run("CREATE TABLE kept (n BIGINT)")
	for _, end := range []func(){s.Kill, s.Stop} {
		run("INSERT INTO kept VALUES (1)")
		end()
		if err := s.Run(t.Context(), "postgres", "SELECT 1"); err == nil {
			t.Error("a server that was ended answers")
		}
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Freeze(); err != nil {
		t.Fatal(err)
	}
	if err := s.Thaw(); err != nil {
		t.Fatal(err)
	}
	run("DO $$ BEGIN ASSERT (SELECT COUNT(*) FROM kept) = 2; END $$")
}
