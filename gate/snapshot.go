package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/private"
)

// snapshot is the picture that doctor was asked for, if it was: of the frame that
// it has seen itself, or of the running gate.
type snapshot struct {
	name  string // of the file; empty for none
	force bool

	frame     atomic.Pointer[image.Gray] // nil for none
	running   string                     // the panel of the running gate
	addresses string                     // the file where that gate has put its secret
}

// Bounds of a picture from the running gate.
const (
	snapshotWait = 8 * time.Second
	snapshotSize = 32 << 20
)

// check refuses what could not be written, before anything is looked at.
func (s *snapshot) check(c *call, conf *config) error {
	switch {
	case s.name == "" && s.force:
		return c.Wrong("--force is for --snapshot")
	case s.name == "":
		return nil
	case !strings.EqualFold(filepath.Ext(s.name), ".png"):
		return c.Wrong("--snapshot %s: the picture is a PNG: name it so", s.name)
	case conf.Lane.Input != inputCamera:
		return c.Wrong("--snapshot: this lane has no camera, its input is %q", conf.Lane.Input)
	}
	if _, err := os.Lstat(s.name); err == nil && !s.force {
		return hint.Errorf("choose another name, or overwrite it with --force", "snapshot: %s: %w", s.name, fs.ErrExist)
	}
	return nil
}

// write writes the file, and says what is in it.
func (s *snapshot) write(ctx context.Context, a *app) error {
	if s.name == "" {
		return nil
	}
	picture, err := s.take(ctx)
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	if s.force {
		err = private.Replace(s.name, picture)
	} else {
		err = private.Create(s.name, picture)
	}
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	_, err = fmt.Fprintf(a.err, "gate: wrote %s: it shows whoever stood before the camera; delete it when it has served\n", s.name)
	return err
}

// take returns the picture as PNG.
func (s *snapshot) take(ctx context.Context) ([]byte, error) {
	frame := s.frame.Load()
	switch {
	case s.running == "" && frame == nil:
		return nil, hint.Errorf("see what doctor says of the camera", "no frame came")
	case s.running == "":
		return encodePNG(frame)
	}
	ad, err := readAddresses(s.addresses)
	if err != nil || ad.Snapshot == "" {
		return nil, hint.Errorf("run doctor as the gate's user", "cannot read the running gate's secret: %w", errors.Join(err, fs.ErrPermission))
	}
	ctx, cancel := context.WithTimeout(ctx, snapshotWait)
	defer cancel()
	picture, err := getPanelAs(ctx, s.running, "/snapshot.png", ad.Snapshot, snapshotSize)
	switch {
	case err != nil:
		return nil, hint.Errorf("if the panel is not on a loopback address it gives out no picture: stop the gate first", "the running gate gives no picture: %w", err)
	case http.DetectContentType(picture) != "image/png":
		return nil, hint.Errorf("look at its log", "the running gate gives no picture")
	}
	return picture, nil
}
