// Command venue runs a stage under remote control, for tests that drive a real
// browser: central with the wallet, gates with cameras, a registrar. It prints
// one line of JSON with its own address and answers there until its standard
// input ends.
//
// It is no part of the product, listens on loopback only, and asks nobody who
// they are.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

func main() {
	os.Exit(command(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func command(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("venue", flag.ContinueOnError)
	flags.SetOutput(stderr)
	bin := flags.String("bin", "bin", "folder of the built commands")
	dir := flags.String("dir", "", "folder for everything that is made; a new one by default")
	plan := flags.String("plan", filepath.Join("testdata", "venue", "sample.json"), "venue and event to play")
	if flags.Parse(args) != nil {
		return 2
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { // whoever started us has gone
		_, _ = io.Copy(io.Discard, stdin)
		cancel()
	}()
	if err := run(ctx, stdout, *bin, *dir, *plan); err != nil {
		_, _ = fmt.Fprintf(stderr, "venue: %v\n", err)
		return 1
	}
	return 0
}

func run(ctx context.Context, w io.Writer, bin, dir, plan string) error {
	if dir == "" {
		made, err := os.MkdirTemp("", "conting-venue-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(made) }()
		dir = made
	}
	v, err := open(ctx, dir, bin, plan)
	if err != nil {
		return err
	}
	defer v.close()
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: v.handler(), ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	if err := json.NewEncoder(w).Encode(map[string]string{"url": "http://" + l.Addr().String()}); err != nil {
		return err
	}
	<-ctx.Done()
	err = server.Close()
	if got := <-served; !errors.Is(got, http.ErrServerClosed) {
		err = errors.Join(err, got)
	}
	return err
}
