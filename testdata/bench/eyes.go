package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/con-ting/conting/testdata/frames"
)

// looks says what eyes measures.
type looks struct {
	dir    string // of frames with a manifest.tsv; rendered ones if empty
	only   string // the one reader to measure, if any
	frames int    // of each category to render
	hands  int    // presentations of a moving hand to render
	seed   uint64 // of the first rendered scene; by lot if 0
}

// eyes measures readers of QR codes on the frames of a folder, on rendered frames without a code,
// and on a moving hand.
func eyes(ctx context.Context, out io.Writer, l looks) error {
	if l.seed == 0 {
		l.seed = uint64(rand.Uint32())
	}
	if _, err := fmt.Fprintf(out, "rendered scenes have seed %d: to see the same again, make bench-qr SEED=%d\n", l.seed, l.seed); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "bench-qr")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	if l.dir == "" {
		l.dir = filepath.Join(tmp, "frames")
		if _, err := (frames.Folder{Count: l.frames, Seed: l.seed}).Write(ctx, l.dir); err != nil {
			return err
		}
	}
	readers, err := inProcess()
	if err != nil {
		return err
	}
	all := slices.DeleteFunc(append(readers, tools(tmp)...), func(r reader) bool { return l.only != "" && r.name != l.only })
	if err := folder(ctx, out, l.dir, all); err != nil || l.only != "" {
		return err
	}
	if err := blank(ctx, out, l.seed); err != nil {
		return err
	}
	return hand(ctx, out, l.hands, l.seed)
}
