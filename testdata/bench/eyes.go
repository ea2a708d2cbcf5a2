package main

import (
	"context"
	"fmt"
	"image"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"text/tabwriter"

	"github.com/con-ting/conting/testdata/frames"
)

// tally is how one reader did on the frames of one kind.
type tally struct {
	n, read, wrong int
	ms             series
}

func (t *tally) percent() float64 { return 100 * float64(t.read) / float64(max(t.n, 1)) }

// eyes measures readers of QR codes: on the frames of dir, if one is named, on
// rendered frames without a code, and on a moving hand.
func eyes(ctx context.Context, out io.Writer, dir, only string, hands int, seed uint64) error {
	readers, err := inProcess()
	if err != nil {
		return err
	}
	if dir != "" {
		tmp, err := os.MkdirTemp("", "bench-qr")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(tmp) }()
		all := slices.DeleteFunc(append(readers, tools(tmp)...), func(r reader) bool { return only != "" && r.name != only })
		if err := folder(ctx, out, dir, all); err != nil {
			return err
		}
	}
	if only != "" {
		return nil
	}
	if readers, err = inProcess(); err != nil {
		return err
	}
	if err := blank(ctx, out, readers, seed); err != nil {
		return err
	}
	return hand(ctx, out, hands, seed)
}

// folder prints how the readers do on the frames of a folder.
func folder(ctx context.Context, out io.Writer, dir string, readers []reader) error {
	photos, err := readManifest(dir)
	if err != nil {
		return err
	}
	tallies := map[string][]tally{} // by kind of frame, one for each reader
	var groups []string
	err = eachPhoto(dir, photos, func(p *photo, gray *image.Gray) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		kinds := []string{p.set + " " + p.category}
		if p.mode == modeNone {
			kinds = append(kinds, "without a code")
		} else {
			kinds = append(kinds, "all of "+p.set, "all")
		}
		for i, r := range readers {
			if gray == nil {
				gray = image.NewGray(image.Rect(0, 0, 1, 1))
			}
			texts, took, err := r.read(gray)
			if err != nil {
				texts = nil // a frame that cannot be read is a frame that was not read
			}
			read, wrong := p.judge(texts, r.program)
			for _, k := range kinds {
				if tallies[k] == nil {
					tallies[k] = make([]tally, len(readers))
					groups = append(groups, k)
				}
				t := &tallies[k][i]
				t.n++
				if read || p.mode == modeNone && !wrong {
					t.read++
				}
				if wrong {
					t.wrong++
				}
				t.ms.ms(took)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	groups = slices.Sorted(maps.Keys(tallies))
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(table, "frames\treader\tn\tright %\tfalse\tmedian CPU ms\tp95\tmost\t")
	for _, k := range groups {
		for i, r := range readers {
			t := &tallies[k][i]
			_, _ = fmt.Fprintf(table, "%s\t%s\t%d\t%.1f\t%d\t%.2f\t%.2f\t%.2f\t\n",
				k, r.name, t.n, t.percent(), t.wrong, t.ms.percentile(50), t.ms.percentile(95), t.ms.percentile(100))
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, k := range groups {
		if len(k) < 3 || k[:3] != "all" && k != "without a code" {
			continue
		}
		for i, r := range readers {
			name := "qr_" + r.name + "_" + slug(k)
			if err := (series{tallies[k][i].percent()}).print(out, name+"_right_percent"); err != nil {
				return err
			}
			if err := (series{float64(tallies[k][i].wrong)}).print(out, name+"_false_reads"); err != nil {
				return err
			}
			if err := tallies[k][i].ms.print(out, name+"_cpu_ms"); err != nil {
				return err
			}
		}
	}
	return nil
}

// slug makes a name of a heading.
func slug(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c == ' ' {
			b[i] = '_'
		}
	}
	return string(b)
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
