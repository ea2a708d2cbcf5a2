package main

import (
	"context"
	"fmt"
	"image"
	"io"
	"maps"
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
	if readers, err = inProcess(); err != nil {
		return err
	}
	if err := blank(ctx, out, readers, l.seed); err != nil {
		return err
	}
	return hand(ctx, out, l.hands, l.seed)
}

// blank prints what a frame without a code costs, as the lane sees it and as a
// single picture.
func blank(ctx context.Context, out io.Writer, readers []reader, seed uint64) error {
	lane, err := newOurs(false)
	if err != nil {
		return err
	}
	lane.name = "ours_lane"
	renderer := frames.NewRenderer()
	for _, size := range []struct {
		name string
		size image.Point
	}{{"vga", frames.VGA}, {"720p", frames.HD}} {
		tallies := make([]tally, len(readers)+1)
		for i := range emptyFrames {
			if err := ctx.Err(); err != nil {
				return err
			}
			gray, err := renderer.Gray(frames.Empty.Scene(seed+uint64(i), size.size, ""))
			if err != nil {
				return err
			}
			for j, r := range append([]reader{lane}, readers...) {
				texts, took, err := r.read(gray)
				if err != nil {
					return err
				}
				tallies[j].ms.ms(took)
				tallies[j].wrong += len(texts)
			}
		}
		for j, r := range append([]reader{lane}, readers...) {
			if tallies[j].wrong > 0 {
				return fmt.Errorf("%s read a code where there is none", r.name)
			}
			if err := tallies[j].ms.print(out, "qr_"+r.name+"_rendered_without_code_"+size.name+"_cpu_ms"); err != nil {
				return err
			}
		}
	}
	return nil
}

// hand prints the share of presentations that are read within 1, 3 and 5 frames
// of a phone in a moving hand at 1280×720.
func hand(ctx context.Context, out io.Writer, n int, seed uint64) error {
	renderer := frames.NewRenderer()
	within := []int{1, 3, 5}
	for _, length := range []int{150, 300} {
		read := map[string][]int{}
		for i := range n {
			rng := rand.New(rand.NewPCG(seed, uint64(i)))
			text := randomText(rng, length)
			scene := frames.Gate.Scene(seed+uint64(i), frames.HD, text)
			readers, err := inProcess()
			if err != nil {
				return err
			}
			if readers[0], err = newOurs(false); err != nil {
				return err
			}
			done := make([]bool, len(readers))
			for frame := range within[len(within)-1] {
				if err := ctx.Err(); err != nil {
					return err
				}
				gray, err := renderer.Gray(scene.At(frame))
				if err != nil {
					return err
				}
				for j, r := range readers {
					if read[r.name] == nil {
						read[r.name] = make([]int, len(within))
					}
					if !done[j] {
						texts, _, err := r.read(gray)
						if err != nil {
							return err
						}
						done[j] = slices.Contains(texts, text)
					}
					for k, w := range within {
						if done[j] && w == frame+1 {
							read[r.name][k]++
						}
					}
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(read)) {
			for k, w := range within {
				share := series{100 * float64(read[name][k]) / float64(n)}
				if err := share.print(out, fmt.Sprintf("qr_%s_hand_%dB_within_%d_percent", name, length, w)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// randomText is n characters of the alphabet that passes are written in.
func randomText(rng *rand.Rand, n int) string {
	const base45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
	b := make([]byte, n)
	for i := range b {
		b[i] = base45[rng.IntN(len(base45))]
	}
	return string(b)
}
