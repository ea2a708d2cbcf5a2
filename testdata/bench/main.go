// Command bench measures conting on this machine and prints one line a figure:
//
//	bench: NAME p50=X p95=X p99=X n=N
//
// Times are wall-clock, and this machine may be busy with other things: read
// medians, and ratios to the physical limit that is measured beside them. Apart
// from single functions, what is measured is the built commands in their own
// processes.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(command(os.Args[1:], os.Stdout, os.Stderr)) }

func command(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	bin := flags.String("bin", "bin", "folder of the built commands")
	dir := flags.String("dir", "", "folder to work in, on the disk to be measured; a new one by default")
	plan := flags.String("plan", "testdata/venue/sample.json", "venue and event")
	if flags.Parse(args) != nil {
		return 2
	}
	if flags.Arg(0) != "gate" {
		_, _ = fmt.Fprintln(stderr, "usage: bench [flags] gate")
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := gateFigures(ctx, stdout, *bin, *dir, *plan); err != nil {
		_, _ = fmt.Fprintf(stderr, "bench: %v\n", err)
		return 1
	}
	return 0
}
