//go:build !js

package main

import (
	"log/slog"
	"os"
)

func main() {
	slog.New(slog.NewTextHandler(os.Stderr, nil)).Error("this command runs in a browser; build it with GOOS=js GOARCH=wasm (make wasm)") //nolint:sloglint // there is no context yet
	os.Exit(2)
}
