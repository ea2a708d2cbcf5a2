package main

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
)

func versionCommand() *subcommand {
	return &subcommand{
		name: "version", args: "", summary: "print the version",
		flags: func(c *call) { c.asJSON = c.Bool("json", false, "print one JSON object") },
		run: func(_ context.Context, a *app, c *call) error {
			if err := c.Want(0, 0); err != nil {
				return err
			}
			revision := "unknown"
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" {
						revision = s.Value
					}
				}
			}
			if *c.asJSON {
				return json.NewEncoder(a.out).Encode(map[string]string{
					"version": version, "revision": revision, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH,
				})
			}
			_, err := fmt.Fprintf(a.out, "gate %s (%s, %s, %s/%s)\n", version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
