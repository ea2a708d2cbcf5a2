package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/con-ting/conting/sync/hint"
)

// Exit codes, for scripts.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2 // a wrong command line
)

// errUsage is wrapped by every error about the command line.
var errUsage = errors.New("wrong usage")

// app is what a command may touch of the world.
type app struct {
	out io.Writer
	err io.Writer
	now func() time.Time
}

// command is one sub-command, of one word or two. It takes the flags that its args
// name.
type command struct {
	name, args, summary string
	run                 func(ctx context.Context, a *app, f *flags) error
}

func commands() []command {
	return []command{
		{"init", "--dir DIR --name NAME [--web HOST] [--url BASE] [--accepts KIND]...", "make a key and an empty book in a new folder", runInit},
		{"did", "--dir DIR", "print the registrar's DID", runDID},
		{"issuer", "--dir DIR", "print the JSON by which central lists the registrar", runIssuer},
		{"issue family", "--dir DIR --subject DID --relative DID --relation WORD [--expires DATE] [--json]", "certify that the subject is the relative's WORD", runIssueFamily},
		{"issue age", "--dir DIR --subject DID --over YEARS [--expires DATE] [--json]", "certify an age", runIssueAge},
		{"issue staff", "--dir DIR --subject DID --role ROLE --event ID... --class N [--expires DATE] [--json]", "accredit staff for events", runIssueStaff},
		{"list", "--dir DIR", "print the book, one credential a line", runList},
		{"revoke", "--dir DIR ID", "take a credential back, and sign the status list anew", runRevoke},
		{"status", "--dir DIR [--life DURATION]", "sign the status list anew, and print it as JSON for central", runStatus},
		{"serve", "--dir DIR [--listen ADDRESS]", "serve the status list and the DID document until SIGTERM", runServe},
	}
}

// run carries out one command line and returns the exit code.
func (a *app) run(ctx context.Context, args []string) int {
	err := a.dispatch(ctx, args)
	if err == nil {
		return exitOK
	}
	hint.Complain(a.err, "registrar", err)
	if errors.Is(err, errUsage) {
		return exitUsage
	}
	return exitError
}

func (a *app) dispatch(ctx context.Context, args []string) error {
	const list = "run `registrar help` for the list"
	if len(args) == 0 {
		return hint.Errorf(list, "no command: %w", errUsage)
	}
	if name := args[0]; name == "help" || name == "-h" || name == "--help" {
		return a.help()
	}
	var known []string
	for _, c := range commands() {
		words := strings.Fields(c.name)
		if len(args) >= len(words) && slices.Equal(args[:len(words)], words) {
			return a.invoke(ctx, c, args[len(words):])
		}
		known = append(known, words[0])
	}
	if args[0] == "issue" {
		return hint.Errorf("say what: registrar issue family, registrar issue age or registrar issue staff", "issue: no kind: %w", errUsage)
	}
	if near, ok := hint.Nearest(args[0], known); ok {
		return hint.Errorf(fmt.Sprintf("did you mean %q?", near), "unknown command %q: %w", args[0], errUsage)
	}
	return hint.Errorf(list, "unknown command %q: %w", args[0], errUsage)
}

func (a *app) help() error {
	var b strings.Builder
	b.WriteString("Usage: registrar COMMAND [FLAGS]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "  registrar %s %s\n        %s\n", c.name, c.args, c.summary)
	}
	_, err := io.WriteString(a.out, b.String())
	return err
}

// flags are those of all commands.
type flags struct {
	command command
	rest    []string

	dir, name, web, url, listen                      string
	subject, relative, relation, role, over, expires string
	class                                            string
	life                                             time.Duration
	accepts, events                                  list
	json                                             bool
}

// list is a flag that may stand several times.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(s string) error {
	*l = append(*l, s)
	return nil
}

func (a *app) invoke(ctx context.Context, c command, args []string) error {
	f := &flags{command: c}
	set := flag.NewFlagSet(c.name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	takes := func(name string) bool {
		return strings.Contains(c.args, "--"+name+" ") || strings.Contains(c.args, "--"+name+"]")
	}
	for name, v := range map[string]*string{
		"dir": &f.dir, "name": &f.name, "web": &f.web, "url": &f.url, "listen": &f.listen, "subject": &f.subject, "relative": &f.relative,
		"relation": &f.relation, "role": &f.role, "over": &f.over, "expires": &f.expires, "class": &f.class,
	} {
		if takes(name) {
			set.StringVar(v, name, "", "")
		}
	}
	for name, v := range map[string]*list{"accepts": &f.accepts, "event": &f.events} {
		if takes(name) {
			set.Var(v, name, "")
		}
	}
	if takes("life") {
		set.DurationVar(&f.life, "life", statusLife, "")
	}
	if takes("json") {
		set.BoolVar(&f.json, "json", false, "")
	}
	// Flags may stand before and after the arguments.
	for len(args) > 0 {
		err := set.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			_, err := fmt.Fprintf(a.out, "Usage: registrar %s %s\n%s.\n", c.name, c.args, c.summary)
			return err
		}
		if err != nil {
			return f.usage("%s", err)
		}
		if args = set.Args(); len(args) > 0 {
			f.rest, args = append(f.rest, args[0]), args[1:]
		}
	}
	if f.dir == "" {
		return f.usage("--dir is missing")
	}
	return c.run(ctx, a, f)
}

// usage is an error about how the command was called.
func (f *flags) usage(format string, args ...any) error {
	return hint.Errorf("usage: registrar "+f.command.name+" "+f.command.args, "%s: %s: %w", f.command.name, fmt.Sprintf(format, args...), errUsage)
}

// want checks the number of arguments.
func (f *flags) want(n int) error {
	if len(f.rest) != n {
		return f.usage("%d arguments, want %d", len(f.rest), n)
	}
	return nil
}
