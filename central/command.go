package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/settings"
)

// Exit codes, for scripts and for systemd (RestartPreventExitStatus).
const (
	exitOK       = 0
	exitError    = 1
	exitUsage    = 2 // a wrong command line or configuration
	exitDatabase = 3 // the database cannot be used: restarting does not help
)

// app is what a command may touch of the world.
type app struct {
	out io.Writer
	err io.Writer
	now func() time.Time
	pid int
}

// command is one sub-command.
type command struct {
	name, args, summary string
	run                 func(ctx context.Context, a *app, f *flags) error
}

func commands() []command {
	return []command{
		{"init", "--dir DIR [--host HOST]...", "make keys, trust list and configuration in a new folder", runInit},
		{"run", "[--config FILE]", "run central until SIGTERM", runServe},
		{"import", "[--config FILE] EVENT.json", "put an event on sale in the running central", runImport},
		{"enrol-code", "[--config FILE] --role ROLE --gate GATE --event ID... [--name ID] [--json]", "make a code that enrols one device", runEnrolCode},
		{"refund", "[--config FILE] ORDER", "give an order's money back and revoke its tickets", runRefund},
		{"revoke", "[--config FILE] DEVICE", "take a device out of the fleet", runRevoke},
		{"receipt", "[--config FILE] [--json] RECEIPT.json", "verify the entry receipt that a wallet fetched, without the running central", runReceipt},
		{"version", "[--json]", "print the version", runVersion},
	}
}

// errUsage is wrapped by every error about the command line.
var errUsage = errors.New("wrong usage")

// run carries out one command line and returns the exit code.
func (a *app) run(ctx context.Context, args []string) int {
	err := a.dispatch(ctx, args)
	if err == nil {
		return exitOK
	}
	hint.Complain(a.err, "central", err)
	switch {
	case errors.Is(err, errUsage), errors.Is(err, settings.ErrBad):
		return exitUsage
	case errors.Is(err, store.ErrCorrupt), errors.Is(err, store.ErrTooNew), errors.Is(err, store.ErrMigrationChanged):
		return exitDatabase
	}
	return exitError
}

func (a *app) dispatch(ctx context.Context, args []string) error {
	const list = "run `central help` for the list"
	if len(args) == 0 {
		return hint.Errorf(list, "no command: %w", errUsage)
	}
	name := args[0]
	if name == "help" || name == "-h" || name == "--help" {
		return a.help()
	}
	var known []string
	for _, c := range commands() {
		if c.name == name {
			return a.invoke(ctx, c, args[1:])
		}
		known = append(known, c.name)
	}
	if near, ok := hint.Nearest(name, known); ok {
		return hint.Errorf(fmt.Sprintf("did you mean %q?", near), "unknown command %q: %w", name, errUsage)
	}
	return hint.Errorf(list, "unknown command %q: %w", name, errUsage)
}

func (a *app) help() error {
	var b strings.Builder
	b.WriteString("Usage: central COMMAND [FLAGS]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "  central %s %s\n        %s\n", c.name, c.args, c.summary)
	}
	_, err := io.WriteString(a.out, b.String())
	return err
}

// flags are those of all commands; each command takes the ones it names.
type flags struct {
	command command
	rest    []string

	config, dir, role, gate, name string
	hosts, events                 list
	json                          bool
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
	takes := func(name string) bool { return strings.Contains(c.args, "--"+name) }
	if takes("config") {
		set.StringVar(&f.config, "config", defaultConfig, "")
	}
	for name, v := range map[string]*string{"dir": &f.dir, "role": &f.role, "gate": &f.gate, "name": &f.name} {
		if takes(name) {
			set.StringVar(v, name, "", "")
		}
	}
	for name, v := range map[string]*list{"host": &f.hosts, "event": &f.events} {
		if takes(name) {
			set.Var(v, name, "")
		}
	}
	if takes("json") {
		set.BoolVar(&f.json, "json", false, "")
	}
	// Flags may stand before and after the arguments.
	for len(args) > 0 {
		err := set.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			_, err := fmt.Fprintf(a.out, "Usage: central %s %s\n%s.\n", c.name, c.args, c.summary)
			return err
		}
		if err != nil {
			return f.usage("%s", err)
		}
		if args = set.Args(); len(args) > 0 {
			f.rest, args = append(f.rest, args[0]), args[1:]
		}
	}
	return c.run(ctx, a, f)
}

// usage is an error about how the command was called.
func (f *flags) usage(format string, args ...any) error {
	return hint.Errorf("usage: central "+f.command.name+" "+f.command.args, "%s: %s: %w", f.command.name, fmt.Sprintf(format, args...), errUsage)
}

// want checks the number of arguments.
func (f *flags) want(n int) error {
	if len(f.rest) != n {
		return f.usage("%d arguments, want %d", len(f.rest), n)
	}
	return nil
}

func runVersion(_ context.Context, a *app, f *flags) error {
	if err := f.want(0); err != nil {
		return err
	}
	if f.json {
		return json.NewEncoder(a.out).Encode(map[string]string{"version": version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH})
	}
	_, err := fmt.Fprintf(a.out, "central %s (%s, %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
