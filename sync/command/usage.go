package command

import (
	"flag"
	"fmt"
	"io"
	"strings"
)

// overview prints the list of commands.
func (p *Program) overview() error {
	var b strings.Builder
	if p.About != "" {
		b.WriteString(p.About + "\n\n")
	}
	fmt.Fprintf(&b, "usage: %s COMMAND [flags] [arguments]\n\n", p.Name)
	width := 0
	for _, c := range p.Commands {
		width = max(width, len(c.Name))
	}
	for _, c := range p.Commands {
		fmt.Fprintf(&b, "  %-*s  %s\n", width, c.Name, c.Summary)
	}
	fmt.Fprintf(&b, "\nRun `%s help COMMAND` for flags and examples.", p.Name)
	if p.Footer != "" {
		b.WriteString(" " + p.Footer)
	}
	_, err := io.WriteString(p.Out, b.String()+"\n")
	return err
}

// usage prints how one command is called.
func (p *Program) usage(c *Command, set *flag.FlagSet) error {
	var b, flags strings.Builder
	set.VisitAll(func(f *flag.Flag) {
		kind, text := flag.UnquoteUsage(f)
		fmt.Fprintf(&flags, "  --%-18s %s", strings.TrimSpace(f.Name+" "+kind), text)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" {
			fmt.Fprintf(&flags, " (default %s)", f.DefValue)
		}
		flags.WriteString("\n")
	})
	fmt.Fprintf(&b, "usage: %s", p.Name+" "+c.Name)
	if flags.Len() > 0 {
		b.WriteString(" [flags]")
	}
	if c.Args != "" {
		b.WriteString(" " + c.Args)
	}
	fmt.Fprintf(&b, "\n\n%s.\n", c.Summary)
	if c.Detail != "" {
		b.WriteString("\n" + strings.TrimSpace(c.Detail) + "\n")
	}
	if flags.Len() > 0 {
		b.WriteString("\nflags:\n" + flags.String())
	}
	_, err := io.WriteString(p.Out, b.String())
	return err
}

// List is a flag that may stand several times.
type List []string

// String joins what was given, with commas.
func (l *List) String() string { return strings.Join(*l, ",") }

// Set adds one more.
func (l *List) Set(s string) error {
	*l = append(*l, s)
	return nil
}
