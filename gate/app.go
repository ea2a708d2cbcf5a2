package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/settings"
)

// Exit codes, for scripts and for systemd (RestartPreventExitStatus).
const (
	exitOK       = 0
	exitError    = 1 // and doctor's warning
	exitUsage    = 2 // a wrong command line or configuration, and doctor's failure
	exitDatabase = 3 // the database is broken: restarting does not help
)

// app is what a command may touch of the world.
type app struct {
	in     io.Reader
	out    io.Writer
	err    io.Writer
	getenv func(string) string
	now    func() time.Time
	pid    int
}

// command is one sub-command.
type command struct {
	name    string
	args    string // of the usage line
	summary string // one line
	detail  string // what else one must know, and examples
	run     func(ctx context.Context, a *app, c *call) error

	// flags declares what the command accepts besides --config.
	flags func(c *call)
}

// call is one invocation of a command: its flags and arguments.
type call struct {
	*flag.FlagSet
	command *command
	config  *string
	rest    []string

	asJSON *bool
	events *string
	at     *string
	parts  *string
	nonce  *string
	event  eventFlag
	after  *uint64
}

func commands() []*command {
	return []*command{
		runCommand(), enrolCommand(), statusCommand(), doctorCommand(), decodeCommand(),
		checkCommand(), loadSetCommand(), exportCommand(), versionCommand(),
	}
}

// errUsage is wrapped by every error about the command line.
var errUsage = errors.New("wrong usage")

// status ends the program with a code of the command's own, without a message.
type status int

func (s status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// run carries out one command line and returns the exit code.
func (a *app) run(ctx context.Context, args []string) int {
	err := a.dispatch(ctx, args)
	var own status
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &own):
		return int(own)
	}
	hint.Complain(a.err, "gate", err)
	switch {
	case errors.Is(err, errUsage), errors.Is(err, settings.ErrBad):
		return exitUsage
	case brokenDatabase(err):
		return exitDatabase
	}
	return exitError
}

func (a *app) dispatch(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return hint.Errorf("run `gate help` for the list", "no command: %w", errUsage)
	}
	name, args := args[0], args[1:]
	if name == "help" || name == "-h" || name == "--help" {
		if len(args) == 0 {
			return a.overview()
		}
		name, args = args[0], []string{"--help"}
	}
	known := make([]string, 0, 16)
	for _, c := range commands() {
		if c.name == name {
			return a.invoke(ctx, c, args)
		}
		known = append(known, c.name)
	}
	what := "run `gate help` for the list"
	if near, ok := hint.Nearest(name, known); ok {
		what = fmt.Sprintf("did you mean %q?", near)
	}
	return hint.Errorf(what, "unknown command %q: %w", name, errUsage)
}

func (a *app) invoke(ctx context.Context, c *command, args []string) error {
	in := &call{FlagSet: flag.NewFlagSet(c.name, flag.ContinueOnError), command: c}
	in.SetOutput(io.Discard)
	in.config = in.String("config", defaultConfig, "configuration `file`")
	if c.flags != nil {
		c.flags(in)
	}
	// Flags may stand before, between and after the arguments.
	for len(args) > 0 {
		if err := in.Parse(args); errors.Is(err, flag.ErrHelp) {
			return a.usage(in)
		} else if err != nil {
			return in.usageError("%s", err)
		}
		left := in.Args()
		if n := len(args) - len(left); n > 0 && args[n-1] == "--" {
			in.rest = append(in.rest, left...)
			break
		}
		if len(left) == 0 {
			break
		}
		in.rest, args = append(in.rest, left[0]), left[1:]
	}
	return c.run(ctx, a, in)
}

// usageError is an error about how the command was called.
func (c *call) usageError(format string, args ...any) error {
	return hint.Errorf("run `gate help "+c.command.name+"`", "%s: %s: %w", c.command.name, fmt.Sprintf(format, args...), errUsage)
}

// want checks the number of arguments.
func (c *call) want(least, most int) error {
	switch n := len(c.rest); {
	case n < least:
		return c.usageError("want %s", c.command.args)
	case most >= 0 && n > most:
		return c.usageError("unexpected argument %q", c.rest[most])
	}
	return nil
}

// load reads the configuration that the call names.
func (c *call) load() (config, error) { return loadConfig(*c.config) }

func (a *app) overview() error {
	var b strings.Builder
	b.WriteString("gate decides at one lane, alone if it must.\n\nusage: gate COMMAND [flags] [arguments]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "  %-15s %s\n", c.name, c.summary)
	}
	b.WriteString("\nRun `gate help COMMAND` for flags and examples. Every command takes --config FILE.\n")
	_, err := io.WriteString(a.out, b.String())
	return err
}

func (a *app) usage(c *call) error {
	var b strings.Builder
	fmt.Fprintf(&b, "usage: gate %s [flags] %s\n\n%s.\n", c.command.name, c.command.args, c.command.summary)
	if c.command.detail != "" {
		b.WriteString("\n" + strings.TrimSpace(c.command.detail) + "\n")
	}
	b.WriteString("\nflags:\n")
	c.VisitAll(func(f *flag.Flag) {
		kind, text := flag.UnquoteUsage(f)
		fmt.Fprintf(&b, "  --%-18s %s", strings.TrimSpace(f.Name+" "+kind), text)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" {
			fmt.Fprintf(&b, " (default %s)", f.DefValue)
		}
		b.WriteString("\n")
	})
	_, err := io.WriteString(a.out, b.String())
	return err
}
