package main

import (
	"context"
	"fmt"
	"image"
	"io"
	"text/tabwriter"

	"github.com/con-ting/conting/testdata/frames"
)

// blank prints what a rendered frame without a code costs each reader. A lane looks at nothing else
// most of the day.
func blank(ctx context.Context, out io.Writer, seed uint64) error {
	readers, err := inProcess()
	if err != nil {
		return err
	}
	renderer := frames.NewRenderer()
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(w, "rendered frame without a code\tdecoder\tn\tfalse reads\tmedian CPU ms\tp95\tmost\t")
	var lines []func() error
	for _, size := range []struct {
		name string
		size image.Point
	}{{"vga", frames.VGA}, {"720p", frames.HD}} {
		tallies := make([]tally, len(readers))
		for i := range emptyFrames {
			gray, err := renderer.Gray(frames.Empty.Scene(seed+uint64(i), size.size, ""))
			if err != nil {
				return err
			}
			for j, r := range readers {
				if err := ctx.Err(); err != nil {
					return err
				}
				texts, took, err := r.read(gray)
				if err != nil {
					return err
				}
				tallies[j].ms.ms(took)
				tallies[j].wrong += len(texts)
			}
		}
		for j, r := range readers {
			t := &tallies[j]
			_, _ = fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%.2f\t%.2f\t%.2f\t\n",
				size.name, r.name, len(t.ms), t.wrong, t.ms.percentile(50), t.ms.percentile(95), t.ms.percentile(100))
			lines = append(lines, func() error {
				return t.ms.print(out, "qr_"+r.name+"_rendered_without_code_"+size.name+"_cpu_ms")
			})
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, line := range lines {
		if err := line(); err != nil {
			return err
		}
	}
	return nil
}
