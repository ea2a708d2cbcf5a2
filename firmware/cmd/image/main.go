// Command image signs a controller's image with the firmware key, and shows what a
// signed one is. firmware/update has the form of the file.
//
// It builds no image and sends none: make firmware does the one, gate osdp update
// the other. The key is the firmware maker's, belongs to no event, and is not needed
// where gates run: they have its public half. Results go to standard output,
// everything else to standard error with an "image: " prefix.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	a := &app{out: os.Stdout, err: os.Stderr}
	code := a.program().Run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
