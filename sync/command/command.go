// Package command carries out the sub-commands of a program: it finds the one that is meant, reads
// its flags, prints usage and complaints, and turns errors into exit codes.
//
// It knows nothing of what the commands do, reads no configuration and no environment, and never ends
// the process. The command line is its user's own and is trusted as far as they are.
package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/con-ting/conting/sync/hint"
)

// Exit codes that every program shares.
const (
	OK    = 0
	Error = 1
	Usage = 2 // a wrong command line
)

// ErrUsage is wrapped by every error about the command line.
var ErrUsage = errors.New("wrong usage")

// Status is an error that ends the program with a code of the command's own, without a message.
type Status int

// Error returns the code in words.
func (s Status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// Program is a program and its commands.
type Program struct {
	Name     string
	About    string // what it is: one line for the list of commands; may be empty
	Footer   string // what else the list says; may be empty
	Commands []Command
	Out, Err io.Writer

	// Code gives an error of the program's own its exit code; zero leaves it to this package. It may
	// be nil.
	Code func(error) int
}

// Command is one sub-command.
type Command struct {
	Name    string // one word, or two: "issue age"
	Args    string // the usage line after the name
	Summary string // one line, without a full stop
	Detail  string // what else one must know, and examples; may be empty

	// Flags declares what the command accepts; nil for nothing. Flags may stand before, between and
	// after the arguments.
	Flags func(*flag.FlagSet)
	Run   func(ctx context.Context, c *Call) error
}

// Call is one invocation of a command.
type Call struct {
	Rest []string // the arguments that are no flags

	program *Program
	command *Command
}

// Run carries out one command line, without the program's name, and returns the exit code.
func (p *Program) Run(ctx context.Context, args []string) int {
	err := p.dispatch(ctx, args)
	var own Status
	switch {
	case err == nil:
		return OK
	case errors.As(err, &own):
		return int(own)
	}
	hint.Complain(p.Err, p.Name, err)
	if errors.Is(err, ErrUsage) {
		return Usage
	}
	if p.Code != nil {
		if code := p.Code(err); code != OK {
			return code
		}
	}
	return Error
}

func (p *Program) dispatch(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return hint.Errorf("run `"+p.Name+" help` for the list", "no command: %w", ErrUsage)
	}
	if slices.Contains([]string{"help", "-h", "--help"}, args[0]) {
		if len(args) == 1 {
			return p.overview()
		}
		args = append(slices.Clone(args[1:]), "--help")
	}
	for i := range p.Commands {
		c := &p.Commands[i]
		words := strings.Fields(c.Name)
		if len(args) >= len(words) && slices.Equal(args[:len(words)], words) {
			return p.invoke(ctx, c, args[len(words):])
		}
	}
	return p.unknown(args[0])
}

// unknown says what may have been meant.
func (p *Program) unknown(name string) error {
	var known, kinds []string
	for _, c := range p.Commands {
		first, _, two := strings.Cut(c.Name, " ")
		if known = append(known, first); two && first == name {
			kinds = append(kinds, p.Name+" "+c.Name)
		}
	}
	if len(kinds) > 0 {
		return hint.Errorf("say what: "+strings.Join(kinds, ", "), "%s: no kind: %w", name, ErrUsage)
	}
	what := "run `" + p.Name + " help` for the list"
	if near, ok := hint.Nearest(name, known); ok {
		what = fmt.Sprintf("did you mean %q?", near)
	}
	return hint.Errorf(what, "unknown command %q: %w", name, ErrUsage)
}

func (p *Program) invoke(ctx context.Context, c *Command, args []string) error {
	call := &Call{program: p, command: c}
	set := flag.NewFlagSet(c.Name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	if c.Flags != nil {
		c.Flags(set)
	}
	for len(args) > 0 {
		if err := set.Parse(args); errors.Is(err, flag.ErrHelp) {
			return p.usage(c, set)
		} else if err != nil {
			return call.Wrong("%s", err)
		}
		left := set.Args()
		if n := len(args) - len(left); n > 0 && args[n-1] == "--" {
			call.Rest = append(call.Rest, left...)
			break
		}
		if len(left) == 0 {
			break
		}
		call.Rest, args = append(call.Rest, left[0]), left[1:]
	}
	return c.Run(ctx, call)
}

// Wrong is an error about how the command was called. It wraps ErrUsage.
func (c *Call) Wrong(format string, args ...any) error {
	return hint.Errorf("run `"+c.program.Name+" help "+c.command.Name+"`", "%s: %s: %w", c.command.Name, fmt.Sprintf(format, args...), ErrUsage)
}

// Want checks the number of arguments; most may be negative for any number.
func (c *Call) Want(least, most int) error {
	switch n := len(c.Rest); {
	case n < least:
		return c.Wrong("want %s", c.command.Args)
	case most >= 0 && n > most:
		return c.Wrong("unexpected argument %q", c.Rest[most])
	}
	return nil
}
