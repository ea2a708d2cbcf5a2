package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"text/tabwriter"

	"github.com/con-ting/conting/testdata/frames"
)

// within are the numbers of frames after which a presentation is looked back at.
var within = [...]int{1, 3, 5}

// hand prints the share of presentations that are read within a few frames of a phone in a moving
// hand at 1280×720, for passes of 150 and 300 bytes. gozxing gets the same frames.
func hand(ctx context.Context, out io.Writer, n int, seed uint64) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(w, "in a moving hand\tdecoder\tn\twithin 1 frame %\twithin 3\twithin 5\t")
	type line struct {
		name  string
		share float64
	}
	var lines []line
	for _, length := range []int{150, 300} {
		names, read, err := held(ctx, length, n, seed)
		if err != nil {
			return err
		}
		for i, name := range names {
			_, _ = fmt.Fprintf(w, "%d B\t%s\t%d", length, name, n)
			for k, count := range within {
				share := 100 * float64(read[i][k]) / float64(max(n, 1))
				_, _ = fmt.Fprintf(w, "\t%.1f", share)
				lines = append(lines, line{fmt.Sprintf("qr_%s_hand_%dB_within_%d_percent", name, length, count), share})
			}
			_, _ = fmt.Fprint(w, "\t\n")
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, l := range lines {
		if err := (series{l.share}).print(out, l.name); err != nil {
			return err
		}
	}
	return nil
}

// held holds up n phones with passes of so many bytes. It returns the readers' names and
// how many presentations each had read within each of [within].
func held(ctx context.Context, length, n int, seed uint64) (names []string, read [][len(within)]int, err error) {
	renderer := frames.NewRenderer()
	for i := range n {
		readers, err := stream()
		if err != nil {
			return nil, nil, err
		}
		readers[0].name = "ours" // there is no other here
		if read == nil {
			read = make([][len(within)]int, len(readers))
			for _, r := range readers {
				names = append(names, r.name)
			}
		}
		text := passText(rand.New(rand.NewPCG(seed, uint64(i))), length)
		scene := frames.Gate.Scene(seed+uint64(i), frames.HD, text)
		done := make([]bool, len(readers))
		for frame := range within[len(within)-1] {
			if err := ctx.Err(); err != nil {
				return nil, nil, err
			}
			gray, err := renderer.Gray(scene.At(frame))
			if err != nil {
				return nil, nil, err
			}
			for j, r := range readers {
				if !done[j] {
					texts, _, err := r.read(gray)
					if err != nil {
						return nil, nil, err
					}
					done[j] = slices.Contains(texts, text)
				}
				for k, w := range within {
					if done[j] && w == frame+1 {
						read[j][k]++
					}
				}
			}
		}
	}
	return names, read, nil
}

// passText is a text as a wallet shows it for so many bytes: in base45 three characters stand for two.
func passText(rng *rand.Rand, bytes int) string {
	const base45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
	b := make([]byte, (bytes*3+1)/2)
	for i := range b {
		b[i] = base45[rng.IntN(len(base45))]
	}
	return string(b)
}
