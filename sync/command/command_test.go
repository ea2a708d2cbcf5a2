package command_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/con-ting/conting/sync/command"
)

var errLost = errors.New("lost")

// run carries out one command line of a program like ours.
func run(args ...string) (code int, out, err string, seen []string) {
	var stdout, stderr bytes.Buffer
	var loud bool
	var names command.List
	p := &command.Program{
		Name: "prog", About: "prog does things.", Footer: "That is all.", Out: &stdout, Err: &stderr,
		Code: func(err error) int {
			if errors.Is(err, errLost) {
				return 7
			}
			return command.OK
		},
		Commands: []command.Command{
			{
				Name: "show", Args: "FILE…", Summary: "show files", Detail: "\nAs they are.\n",
				Flags: func(s *flag.FlagSet) {
					s.BoolVar(&loud, "loud", false, "say more")
					s.Var(&names, "name", "a `NAME`")
					s.Int("lines", 5, "how `MANY`")
				},
				Run: func(_ context.Context, c *command.Call) error {
					if err := c.Want(1, 2); err != nil {
						return err
					}
					seen = append(c.Rest, fmt.Sprint(loud), names.String())
					return nil
				},
			},
			{Name: "issue age", Summary: "an age", Run: func(context.Context, *command.Call) error { return errLost }},
			{Name: "issue staff", Summary: "staff", Run: func(context.Context, *command.Call) error { return errors.New("broken") }},
			{Name: "judge", Summary: "judge", Run: func(context.Context, *command.Call) error { return command.Status(4) }},
			{Name: "exact", Summary: "takes nothing", Run: func(_ context.Context, c *command.Call) error { return c.Want(0, 0) }},
		},
	}
	code = p.Run(context.Background(), args)
	return code, stdout.String(), stderr.String(), seen
}

func TestRun(t *testing.T) {
	for _, tc := range []struct {
		args     string
		code     int
		out, err []string // parts of what is said
		seen     string
	}{
		{"show a", 0, nil, nil, "a false "},
		{"show --loud a b", 0, nil, nil, "a b true "},
		{"show a --loud --name x b --name y", 0, nil, nil, "a b true x,y"},
		{"show -- --loud", 0, nil, nil, "--loud false "},
		{"show -- --loud --loud", 0, nil, nil, "--loud --loud false "},
		{"show a -- --name", 0, nil, nil, "a --name false "},
		{"show", 2, nil, []string{"prog: show: want FILE…", "hint: run `prog help show`"}, ""},
		{"show a b c", 2, nil, []string{`unexpected argument "c"`}, ""},
		{"show --lout a", 2, nil, []string{"flag provided but not defined"}, ""},
		{"show --lines many a", 2, nil, []string{"lines"}, ""},
		{"exact", 0, nil, nil, ""},
		{"exact x", 2, nil, []string{`unexpected argument "x"`}, ""},
		{"", 2, nil, []string{"no command", "hint: run `prog help`"}, ""},
		{"shwo a", 2, nil, []string{`unknown command "shwo"`, `did you mean "show"?`}, ""},
		{"zzzzzzzz", 2, nil, []string{"run `prog help` for the list"}, ""},
		{"issue", 2, nil, []string{"hint: say what: prog issue age, prog issue staff"}, ""},
		{"issue money", 2, nil, []string{"hint: say what"}, ""},
		{"issue age", 7, nil, []string{"lost"}, ""},
		{"issue staff", 1, nil, []string{"prog: broken"}, ""},
		{"judge", 4, nil, nil, ""},
		{"help", 0, []string{"prog does things.", "  issue age    an age\n", "That is all."}, nil, ""},
		{"--help", 0, []string{"usage: prog COMMAND"}, nil, ""},
		{"help show", 0, []string{"usage: prog show [flags] FILE…\n\nshow files.\n\nAs they are.\n", "--lines MANY         how MANY (default 5)\n", "--loud               say more\n"}, nil, ""},
		{"show -h", 0, []string{"usage: prog show"}, nil, ""},
		{"help issue age", 0, []string{"usage: prog issue age\n\nan age.\n"}, nil, ""},
		{"help shwo", 2, nil, []string{`did you mean "show"?`}, ""},
	} {
		t.Run(tc.args, func(t *testing.T) {
			code, out, stderr, seen := run(strings.Fields(tc.args)...)
			if code != tc.code {
				t.Errorf("exit code %d, want %d; stderr: %s", code, tc.code, stderr)
			}
			for _, want := range tc.out {
				if !strings.Contains(out, want) {
					t.Errorf("stdout %q, want %q in it", out, want)
				}
			}
			for _, want := range tc.err {
				if !strings.Contains(stderr, want) {
					t.Errorf("stderr %q, want %q in it", stderr, want)
				}
			}
			if tc.err == nil && stderr != "" || tc.out == nil && out != "" {
				t.Errorf("it said too much: stdout %q, stderr %q", out, stderr)
			}
			if got := strings.Join(slices.Clone(seen), " "); got != tc.seen {
				t.Errorf("the command saw %q, want %q", got, tc.seen)
			}
		})
	}
}
