package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/sync/command"
	"github.com/con-ting/conting/sync/settings"
)

// exitDatabase is a database that cannot be used: restarting does not help (systemd's
// RestartPreventExitStatus).
const exitDatabase = 3

// app is what a command may touch of the world.
type app struct {
	out io.Writer
	err io.Writer
	now func() time.Time
	pid int
}

// flags are those of all commands; each command takes some.
type flags struct {
	*command.Call

	config, dir, role, gate, name string
	to, join                      string // of move and init
	check, force                  bool   // of migrate and restore
	hosts, events                 command.List
	json                          bool
	surge                         surgeFlags
	room                          roomFlags
	yes                           bool // of call-off
	all                           bool // of mint retry
	memo                          string
}

// The flags, as the commands name them.
func (f *flags) takeConfig(s *flag.FlagSet) {
	s.StringVar(&f.config, "config", defaultConfig, "configuration `FILE`")
}

func (f *flags) takeJSON(s *flag.FlagSet) { s.BoolVar(&f.json, "json", false, "print JSON") }

// program is central and its commands.
func (a *app) program() *command.Program {
	type take = func(*flags, *flag.FlagSet)
	both := func(takes ...take) take {
		return func(f *flags, s *flag.FlagSet) {
			for _, t := range takes {
				t(f, s)
			}
		}
	}
	one := func(name, args, summary string, takes take, run func(context.Context, *app, *flags) error) command.Command {
		f := &flags{}
		return command.Command{
			Name: name, Args: args, Summary: summary,
			Flags: func(s *flag.FlagSet) { takes(f, s) },
			Run: func(ctx context.Context, c *command.Call) error {
				f.Call = c
				return run(ctx, a, f)
			},
		}
	}
	folder := func(f *flags, s *flag.FlagSet) {
		s.StringVar(&f.dir, "dir", "", "the new `FOLDER`; required")
		s.Var(&f.hosts, "host", "`HOST` by which gates and wallets reach this machine; may stand several times (default 127.0.0.1)")
		s.StringVar(&f.join, "join", "", "data `FOLDER` of a central, or a copy of it, with which this one will share a database and therefore keys")
	}
	device := func(f *flags, s *flag.FlagSet) {
		s.StringVar(&f.role, "role", "", "gate, hub or handheld: the `ROLE` of the device; required")
		s.StringVar(&f.gate, "gate", "", "`NAME` of the gate where it stands")
		s.StringVar(&f.name, "name", "", "`ID` of the device (default made up)")
		s.Var(&f.events, "event", "`ID` of an event that it may see; required, may stand several times")
	}
	migration := func(f *flags, s *flag.FlagSet) {
		s.BoolVar(&f.check, "check", false, "change nothing: list what is to be done, and fail if there is anything")
	}
	force := func(f *flags, s *flag.FlagSet) {
		s.BoolVar(&f.force, "force", false, "also where there is a database already")
	}
	to := func(f *flags, s *flag.FlagSet) {
		s.StringVar(&f.to, "to", "", "`FILE` with the postgres:// address of an empty database; required")
	}
	room := func(f *flags, s *flag.FlagSet) { f.room.take(s) }
	sure := func(f *flags, s *flag.FlagSet) { s.BoolVar(&f.yes, "yes", false, "really") }
	everything := func(f *flags, s *flag.FlagSet) { s.BoolVar(&f.all, "all", false, "all that have failed") }
	memo := func(f *flags, s *flag.FlagSet) {
		s.StringVar(&f.memo, "memo", "", "`TEXT` of the memo on chain, to compare with")
	}
	config, asJSON := (*flags).takeConfig, (*flags).takeJSON
	return &command.Program{
		Name: "central", About: "central sells tickets, and tells the gates.", Out: a.out, Err: a.err, Code: exitCode,
		Commands: []command.Command{
			one("init", "", "make keys, trust list and configuration in a new folder", folder, runInit),
			one("run", "", "run central until SIGTERM", config, runServe),
			one("import", "EVENT.json", "put an event on sale in the running central", config, runImport),
			one("plan", planArgs, "look at a plan, or take its seats from or to pretix, without the running central", func(*flags, *flag.FlagSet) {}, runPlan),
			one("queue", "EVENT", "make, change or show an event's waiting room in the running central", both(config, asJSON, room), runQueue),
			one("call-off", "EVENT", "call an event off: its tickets end, its orders are paid back", both(config, sure), runCallOff),
			one("enrol-code", "", "make a code that enrols one device", both(config, device, asJSON), runEnrolCode),
			one("refund", "ORDER", "give an order's money back and revoke its tickets", config, runRefund),
			one("role", "EMAIL ROLE", "make somebody attendee, box_office or admin in the running central", config, runRole),
			one("revoke", "DEVICE", "take a device out of the fleet", config, runRevoke),
			one("receipt", "RECEIPT.json", "verify the entry receipt that a wallet fetched, without the running central", both(config, asJSON), runReceipt),
			detailed(surgeDetail, one("surge", "", "load a running central as a crowd does, and report", both(config, (*flags).takeSurge), runSurge)),
			one("mint init", "", "make the keys that tickets' tokens and people's wallets need", both(config, asJSON), runMintInit),
			one("mint status", "", "say how tickets' tokens stand in the running central", both(config, asJSON), runMintStatus),
			one("mint failed", "", "list what the running central has given up about tokens", both(config, asJSON), runMintFailed),
			one("mint retry", "[TICKET]", "have the running central try again what it has given up", both(config, everything), runMintRetry),
			one("mint reconcile", "", "compare all tokens with the chain, and list what differs", both(config, asJSON), runMintReconcile),
			one("mint rekey", "", "seal the wallets under a new "+walletKeyFile, config, runMintRekey),
			one("mint verify", "PROOF.json", "verify a holder's proof that a ticket stands under a root on chain, without central", both(memo, asJSON), runMintVerify),
			one("migrate", "", "bring the database's schema up to date", both(config, migration), runMigrate),
			one("backup", "FILE|FOLDER", "write a backup of the database while central runs", config, runBackup),
			one("restore", "FILE", "put a backup in the place of the database", both(config, force), runRestore),
			one("move", "", "copy the database to PostgreSQL, and compare", both(config, to), runMove),
			one("verify-shuffle", "FILE [RECEIPT]", "recompute the order of those who waited for a sale to open, without central", asJSON, runVerifyShuffle),
			one("version", "", "print the version", asJSON, runVersion),
		},
	}
}

// detailed is a command with more to say of it.
func detailed(what string, c command.Command) command.Command {
	c.Detail = what
	return c
}

// exitCode is what central's own errors end it with.
func exitCode(err error) int {
	switch {
	case errors.Is(err, settings.ErrBad):
		return command.Usage
	case errors.Is(err, store.ErrCorrupt), errors.Is(err, store.ErrTooNew), errors.Is(err, store.ErrMigrationChanged), errors.Is(err, store.ErrUnsuitable):
		return exitDatabase
	}
	return command.OK
}

func runVersion(_ context.Context, a *app, f *flags) error {
	if err := f.Want(0, 0); err != nil {
		return err
	}
	if f.json {
		return json.NewEncoder(a.out).Encode(map[string]string{"version": version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH})
	}
	_, err := fmt.Fprintf(a.out, "central %s (%s, %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
