package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"time"

	"github.com/con-ting/conting/sync/command"
	"github.com/con-ting/conting/sync/settings"
)

// exitDatabase is a broken database: restarting does not help (systemd's
// RestartPreventExitStatus).
const exitDatabase = 3

// app is what a command may touch of the world.
type app struct {
	in     io.Reader
	out    io.Writer
	err    io.Writer
	getenv func(string) string
	now    func() time.Time
	pid    int
}

// subcommand is one of the gate's commands.
type subcommand struct {
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
	*command.Call
	config *string

	asJSON *bool
	events *string
	at     *string
	parts  *string
	nonce  *string
	event  eventFlag
	after  *uint64
}

func commands() []*subcommand {
	return []*subcommand{
		runCommand(), enrolCommand(), statusCommand(), doctorCommand(), decodeCommand(),
		checkCommand(), loadSetCommand(), exportCommand(), versionCommand(),
		probeCommand(), keyCommand(), provisionCommand(), updateCommand(),
	}
}

// program is the gate and its commands.
func (a *app) program() *command.Program {
	p := &command.Program{
		Name: "gate", About: "gate decides at one lane, alone if it must.", Footer: "Every command takes --config FILE.",
		Out: a.out, Err: a.err, Code: ownCode,
	}
	for _, s := range commands() {
		in := &call{}
		p.Commands = append(p.Commands, command.Command{
			Name: s.name, Args: s.args, Summary: s.summary, Detail: s.detail,
			Flags: func(set *flag.FlagSet) {
				in.FlagSet = set
				in.config = set.String("config", defaultConfig, "configuration `file`")
				if s.flags != nil {
					s.flags(in)
				}
			},
			Run: func(ctx context.Context, c *command.Call) error {
				in.Call = c
				return s.run(ctx, a, in)
			},
		})
	}
	return p
}

// run carries out one command line and returns the exit code.
func (a *app) run(ctx context.Context, args []string) int { return a.program().Run(ctx, args) }

// ownCode is what the gate's own errors end it with.
func ownCode(err error) int {
	switch {
	case errors.Is(err, settings.ErrBad):
		return command.Usage
	case brokenDatabase(err):
		return exitDatabase
	}
	return command.OK
}

// load reads the configuration that the call names.
func (c *call) load() (config, error) { return loadConfig(*c.config) }
