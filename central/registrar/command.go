package main

import (
	"context"
	"flag"
	"io"
	"time"

	"github.com/con-ting/conting/sync/command"
)

// app is what a command may touch of the world.
type app struct {
	out io.Writer
	err io.Writer
	now func() time.Time
}

// flags are those of all commands; each command takes some.
type flags struct {
	*command.Call

	dir, name, web, url, listen                      string
	subject, relative, relation, role, over, expires string
	class                                            string
	life                                             time.Duration
	accepts, events                                  command.List
	json                                             bool
}

// takeIssue declares what every credential needs.
func (f *flags) takeIssue(s *flag.FlagSet) {
	s.StringVar(&f.subject, "subject", "", "`DID` of the person; required")
	s.StringVar(&f.expires, "expires", "", "`DATE` or moment (RFC 3339) at which the credential ends")
	s.BoolVar(&f.json, "json", false, "print JSON")
}

func (f *flags) takeFamily(s *flag.FlagSet) {
	f.takeIssue(s)
	s.StringVar(&f.relative, "relative", "", "`DID` of the other; required")
	s.StringVar(&f.relation, "relation", "", "what the subject is to the relative, a `WORD` like mother; required")
}

func (f *flags) takeAge(s *flag.FlagSet) {
	f.takeIssue(s)
	s.StringVar(&f.over, "over", "", "`YEARS` that the subject has lived; required")
}

func (f *flags) takeStaff(s *flag.FlagSet) {
	f.takeIssue(s)
	s.StringVar(&f.role, "role", "", "`ROLE`, as a steward reads it; required")
	s.Var(&f.events, "event", "`ID` of an event; required, may stand several times")
	s.StringVar(&f.class, "class", "", "`NUMBER` of the staff class in those events; required")
}

func (f *flags) takeInit(s *flag.FlagSet) {
	s.StringVar(&f.name, "name", "", "`NAME` of the registrar, as people know it; required")
	s.StringVar(&f.web, "web", "", "`HOST` whose did:web the registrar is, instead of a did:key")
	s.StringVar(&f.url, "url", "", "`BASE` address under which the status list can be fetched")
	s.Var(&f.accepts, "accepts", "`KIND` of credential to ask central to accept (family, age, staff; default all); may stand several times")
}

func (f *flags) takeServe(s *flag.FlagSet) {
	s.StringVar(&f.listen, "listen", "", "`ADDRESS` (default "+defaultListen+")")
}

func (f *flags) takeStatus(s *flag.FlagSet) {
	s.DurationVar(&f.life, "life", statusLife, "how `LONG` the list is good")
}

func (f *flags) takeNothing(*flag.FlagSet) {}

// program is the registrar and its commands.
func (a *app) program() *command.Program {
	one := func(name, args, summary string, takes func(*flags, *flag.FlagSet), run func(context.Context, *app, *flags) error) command.Command {
		f := &flags{}
		return command.Command{
			Name: name, Args: args, Summary: summary,
			Flags: func(s *flag.FlagSet) {
				s.StringVar(&f.dir, "dir", "", "the registrar's `FOLDER`; required")
				takes(f, s)
			},
			Run: func(ctx context.Context, c *command.Call) error {
				if f.Call = c; f.dir == "" {
					return c.Wrong("--dir is missing")
				}
				return run(ctx, a, f)
			},
		}
	}
	return &command.Program{
		Name: "registrar", About: "registrar certifies kinship, ages and staff to wallets.", Out: a.out, Err: a.err,
		Commands: []command.Command{
			one("init", "", "make a key and an empty book in a new folder", (*flags).takeInit, runInit),
			one("did", "", "print the registrar's DID", (*flags).takeNothing, runDID),
			one("issuer", "", "print the JSON by which central lists the registrar", (*flags).takeNothing, runIssuer),
			one("issue family", "", "certify what the subject is to a relative", (*flags).takeFamily, runIssueFamily),
			one("issue age", "", "certify an age", (*flags).takeAge, runIssueAge),
			one("issue staff", "", "accredit staff for events", (*flags).takeStaff, runIssueStaff),
			one("list", "", "print the book, one credential a line", (*flags).takeNothing, runList),
			one("revoke", "ID", "take a credential back, and sign the status list anew", (*flags).takeNothing, runRevoke),
			one("status", "", "sign the status list anew, and print it as JSON for central", (*flags).takeStatus, runStatus),
			one("serve", "", "serve the status list and the DID document until SIGTERM", (*flags).takeServe, runServe),
		},
	}
}
