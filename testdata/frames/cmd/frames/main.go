// Command frames writes rendered camera frames to a folder, with a manifest.tsv that says what each
// shows, for looking at them, for benches and for the gate's dir: camera:
//
//	frames --out DIR [--category gate,dim] [--n 10] [--seed 1] [--size 1280x720]
package main

import (
	"context"
	"flag"
	"fmt"
	"image"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/con-ting/conting/testdata/frames"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "frames:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("frames", flag.ContinueOnError)
	dir := flags.String("out", "frames", "`folder` to write to; made if it is not there")
	names := flags.String("category", "all", "`categories`, separated by commas")
	split := flags.Bool("split", false, "a folder with its own manifest for each category")
	count := flags.Int("n", 10, "frames of each category")
	seed := flags.Uint64("seed", 1, "seed of the first frame; the next has the next")
	size := flags.String("size", "mixed", "`WIDTHxHEIGHT` in pixels, or mixed for VGA, 720p and 1080p by lot")
	text := flags.String("text", "", "what the codes say; by lot if empty")
	sway := flags.Bool("sway", false, "frames of one moving hand instead of one scene each")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("argument %q: want flags only", flags.Arg(0))
	}
	f := frames.Folder{Count: *count, Seed: *seed, Text: *text, Sway: *sway}
	var err error
	if f.Categories, err = frames.ParseCategories(*names); err != nil {
		return err
	}
	if f.Size, err = parseSize(*size); err != nil {
		return err
	}
	if !*split {
		return write(ctx, out, f, *dir)
	}
	for _, c := range f.Categories {
		one := f
		one.Categories = []frames.Category{c}
		if err := write(ctx, out, one, filepath.Join(*dir, string(c))); err != nil {
			return err
		}
	}
	return nil
}

func write(ctx context.Context, out io.Writer, f frames.Folder, dir string) error {
	n, err := f.Write(ctx, dir)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%d frames and %s in %s, seed %d\n", n, frames.ManifestName, dir, f.Seed)
	return err
}

func parseSize(s string) (image.Point, error) {
	var p image.Point
	if s == "mixed" {
		return p, nil
	}
	if n, err := fmt.Sscanf(s, "%dx%d", &p.X, &p.Y); err != nil || n != 2 || p.X <= 0 || p.Y <= 0 {
		return p, fmt.Errorf("size %q: want WIDTHxHEIGHT or mixed", s)
	}
	return p, nil
}
