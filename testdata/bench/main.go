// Command bench measures conting on this machine and prints one line a figure:
//
//	bench: NAME p50=X p95=X p99=X n=N
//
// Times are wall-clock unless the name says CPU, and this machine may be busy
// with other things: read medians, and ratios to the physical limit that is
// measured beside them. Apart from single functions and readers of QR codes, what
// is measured is the built commands in their own processes.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() { os.Exit(command(os.Args[1:], os.Stdout, os.Stderr)) }

func command(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	bin := flags.String("bin", "bin", "folder of the built commands")
	dir := flags.String("dir", "", "folder to work in, on the disk to be measured; a new one by default")
	plan := flags.String("plan", "testdata/venue/sample.json", "venue and event")
	hands := flags.Int("hands", 40, "presentations of a phone that qr renders")
	seed := flags.Uint64("seed", 0, "of the first scene that qr renders; by lot if 0")
	count := flags.Int("frames", 12, "frames of each category that qr renders if it is given no folder")
	only := flags.String("only", "", "the one `reader` that qr measures")
	people := flags.Int("people", 0, "who come to the queue within ten seconds (default 100000, and 2000 of k6's)")
	lasts := flags.Duration("lasts", 45*time.Second, "how long they ask")
	kills := flags.Int("kills", 3, "how often central is killed while people enter")
	seats := flags.Int("seats", 4800, "that are fought for")
	buyers := flags.Int("buyers", 2000, "who buy through HTTP")
	tickets := flags.Int("tickets", 3000, "that are minted at once")
	k6 := flags.String("k6", "k6", "the `command` k6")
	report := flags.String("report", "", "folder for reports of the surges")
	if flags.Parse(args) != nil {
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch flags.Arg(0) {
	case "gate":
		err = gateFigures(ctx, stdout, *bin, *dir, *plan)
	case "lock":
		err = lockFigures(ctx, stdout, *bin, *dir, *plan)
	case "qr":
		err = eyes(ctx, stdout, looks{dir: flags.Arg(1), only: *only, frames: *count, hands: *hands, seed: *seed})
	case "hello":
		err = serveHello(ctx, stdout)
	case "queue":
		b := &queueBench{out: stdout, dir: *dir, bin: *bin, plan: *plan, people: cmp.Or(*people, 100_000), lasts: *lasts, kills: *kills, report: *report}
		err = b.run(ctx, flags.Arg(1))
	case "sale":
		b := &saleBench{out: stdout, dir: *dir, bin: *bin, plan: *plan, seats: *seats, buyers: *buyers, report: *report}
		err = b.run(ctx, flags.Arg(1))
	case "chain":
		b := &chainBench{out: stdout, dir: *dir, plan: *plan, tickets: *tickets}
		err = b.run(ctx, flags.Arg(1))
	case "k6":
		err = k6Surge(ctx, stdout, *bin, *dir, *plan, *k6, flags.Arg(1), cmp.Or(*people, 2000))
	default:
		_, _ = fmt.Fprintln(stderr, "usage: bench [flags] gate\n       bench [flags] lock\n       bench [flags] qr [FOLDER of frames with a manifest.tsv]\n       bench [flags] queue [embedded or redis]\n       bench [flags] sale [sqlite, postgres or http]\n       bench [flags] chain [mint, faulty, bare or costs]\n       bench [flags] k6 SCRIPT")
		return 2
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "bench: %v\n", err)
		return 1
	}
	return 0
}
