package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/con-ting/conting/testdata/stage"
)

// k6Surge has another's load generator do a small surge of the built central. It fails if k6 finds that a
// request failed, a place changed or a position grew.
func k6Surge(ctx context.Context, w io.Writer, bin, dir, plan, k6, script string, people int) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "conting-bench-"); err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
	}
	o, err := openOffice(ctx, dir, bin, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.process.Stop()) }()
	if err := errors.Join(o.sell(ctx, plan, firstEvent, 0), o.openQueue(ctx, firstEvent, perMinute)); err != nil {
		return err
	}
	event, tokens := strconv.Itoa(firstEvent), filepath.Join(dir, "tokens.json")
	if _, err := stage.Run(ctx, o.bin, "surge", "--config", o.config(), "--event", event, "--people", strconv.Itoa(people), "--tokens", tokens); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, k6, "run", "--quiet", "--no-usage-report", "-e", "URL="+o.api, "-e", "EVENT="+event, "-e", "TOKENS="+tokens,
		"-e", "PEOPLE="+strconv.Itoa(people), script)
	cmd.Stdout, cmd.Stderr = w, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("k6: %w", err)
	}
	return nil
}
