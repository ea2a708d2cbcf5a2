// Command central sells tickets, publishes them to the gates as signed sets, and
// takes the gates' journals in: one process with an embedded database and broker.
//
// This package is flags, configuration, key files, wiring and the order of
// starting and stopping; nothing else. Results go to standard output, everything
// else to standard error with a "central: " prefix. It trusts its configuration,
// its data folder, whoever holds the admin token, and nobody who connects; what
// the packages that it wires trust, they say themselves.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// version is set by the linker: -X main.version=1.2.3.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	a := &app{out: os.Stdout, err: os.Stderr, now: time.Now, pid: os.Getpid()}
	code := a.program().Run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
