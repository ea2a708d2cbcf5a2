package main

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/con-ting/conting/gate/camera"
	"github.com/con-ting/conting/sync/hint"
)

// openCamera opens the camera of the configuration.
func (a *app) openCamera(ctx context.Context, c *cameraConfig, log *slog.Logger) (*camera.Camera, error) {
	region, err := camera.ParseRegion(c.Region)
	if err != nil {
		return nil, err
	}
	cam, err := camera.Open(ctx, c.address(), camera.Config{
		Logger: log, Now: a.now, Width: c.Width, Height: c.Height, Device: c.device(), Region: region, StuckAfter: c.stuckAfter(),
		Stdin: a.in, Command: c.Command, Format: c.format(),
	})
	if err != nil && len(c.Command) > 0 {
		return nil, hint.Errorf("set [camera] command to a program that is installed, and its arguments", "camera: %w", err)
	}
	if err != nil {
		return nil, hint.Errorf("set [camera] url; v4l2-ctl --list-devices shows what is there", "camera: %w", err)
	}
	return cam, nil
}

// address is where the frames come from.
func (c *cameraConfig) address() string {
	if len(c.Command) > 0 {
		return "program:"
	}
	return c.URL
}

// format is how the program writes pictures.
func (c *cameraConfig) format() camera.Format {
	return camera.Format{Pixels: c.CommandFormat, Width: c.Width, Height: c.Height, Stride: c.CommandStride}
}

// stuckAfter is StuckAfter as package camera has it.
func (c *cameraConfig) stuckAfter() time.Duration {
	if c.StuckAfter == 0 {
		return -1 // never
	}
	return c.StuckAfter
}

// piped says that frames come from standard input, which only the gate itself can read.
func (c *cameraConfig) piped() bool { return strings.HasPrefix(c.address(), "stdin:") }

// check reports the first value by which no camera could be opened. What is away now may come.
func (c *cameraConfig) check(bad func(key, format string, args ...any) error) error {
	if c.Width < 160 || c.Width > camera.MaxSide || c.Height < 120 || c.Height > camera.MaxSide {
		return bad("camera.width and height", "%d×%d, want 160×120 to %d×%[3]d", c.Width, c.Height, camera.MaxSide)
	}
	if _, err := camera.ParseRegion(c.Region); err != nil {
		return bad("camera.region", "%s", err)
	}
	if c.StuckAfter != 0 && (c.StuckAfter < 500*time.Millisecond || c.StuckAfter > time.Hour) {
		return bad("camera.stuck_after", "%s, want 500ms to 1h, or 0s for never", c.StuckAfter)
	}
	if len(c.Command) > 64 || len(c.Command) > 0 && c.Command[0] == "" {
		return bad("camera.command", "want a program and at most 63 arguments")
	}
	if len(c.Command) == 0 && (c.CommandFormat != "" || c.CommandStride != 0) {
		return bad("camera.command_format and command_stride", "there is no camera.command")
	}
	if err := c.format().Check(); err != nil {
		return bad("camera.command_format and command_stride", "%s", err)
	}
	if err := c.device().Check(); err != nil {
		return bad("camera", "%s", err)
	}
	return nil
}
