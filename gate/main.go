// Command gate is the appliance at one lane: it reads passes from a camera,
// decides alone from a signed ticket set on its disk, writes the decision down,
// opens the lane, and tells central when it can.
//
// This package is flags, configuration, wiring and the order of starting and
// stopping; nothing else. Results and events go to standard output, everything
// else to standard error with a "gate: " prefix. It trusts its configuration
// file and its data folder; what the packages it wires trust, they say
// themselves.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
	_ "time/tzdata" // a venue's time zone, on machines without a database of them
)

// version is set by the linker: -X main.version=1.2.3.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, now: time.Now, pid: os.Getpid()}
	code := a.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
