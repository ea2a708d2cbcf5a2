package main

import (
	"context"
	"fmt"
	"image"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// Kinds of frames that are counted beside their categories.
const (
	kindAll      = "all"
	kindBlank    = "without a code"
	kindBlankVGA = "without a code at VGA"
)

// tally is how one reader did on the frames of one kind. A frame is right when every code on it was
// read, or, without a code, when nothing was; something else that was read does not make it less so
// but is false.
type tally struct {
	n, right    int // frames
	codes, read int // codes on them
	wrong       int // frames with a false read
	ms          series
}

func (t *tally) percent() float64 { return 100 * float64(t.right) / float64(max(t.n, 1)) }

func (t *tally) add(p *photo, read int, wrong bool) {
	t.n++
	t.codes += p.codes()
	t.read += read
	if wrong {
		t.wrong++
	}
	if read == p.codes() && (p.mode != modeNone || !wrong) {
		t.right++
	}
}

// kinds are what p is counted under.
func (p *photo) kinds(size image.Point) []string {
	kinds := []string{p.set + " " + p.category}
	if p.mode != modeNone {
		return append(kinds, kindAll+" of "+p.set, kindAll)
	}
	kinds = append(kinds, kindBlank)
	if size == image.Pt(640, 480) {
		kinds = append(kinds, kindBlankVGA)
	}
	return kinds
}

// total says whether a kind is more than one category.
func total(kind string) bool {
	return kind == kindAll || kind == kindBlank || kind == kindBlankVGA || strings.HasPrefix(kind, kindAll+" of ")
}

// folder prints how the readers do on the frames of a folder.
func folder(ctx context.Context, out io.Writer, dir string, readers []reader) error {
	photos, err := readManifest(dir)
	if err != nil {
		return err
	}
	tallies := map[string][]tally{} // by kind of frame, one for each reader
	err = eachPhoto(dir, photos, func(p *photo, gray *image.Gray) error {
		if gray == nil {
			gray = image.NewGray(image.Rect(0, 0, 1, 1))
		}
		kinds := p.kinds(gray.Rect.Size())
		for i, r := range readers {
			if err := ctx.Err(); err != nil {
				return err
			}
			texts, took, err := r.read(gray)
			if err != nil {
				texts = nil // a frame that cannot be read is a frame that was not read
			}
			read, wrong := p.judge(texts, r.program)
			for _, k := range kinds {
				if tallies[k] == nil {
					tallies[k] = make([]tally, len(readers))
				}
				tallies[k][i].add(p, read, wrong)
				tallies[k][i].ms.ms(took)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for k := range tallies { // the totals of the only set are those of all
		if strings.HasPrefix(k, kindAll+" of ") && tallies[k][0].n == tallies[kindAll][0].n {
			delete(tallies, k)
		}
	}
	if err := table(out, readers, tallies); err != nil {
		return err
	}
	return figures(out, readers, tallies)
}

// table prints the figures of every kind side by side, of a stream's readers those of totals only.
func table(out io.Writer, readers []reader, tallies map[string][]tally) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(w, "frames\tdecoder\tn\tsuccess %\tfalse reads\tmedian CPU ms\tp95\tmost\t")
	for _, k := range slices.Sorted(maps.Keys(tallies)) {
		for i, r := range readers {
			if r.stream && !total(k) {
				continue
			}
			t := &tallies[k][i]
			_, _ = fmt.Fprintf(w, "%s\t%s\t%d\t%.1f\t%d\t%.2f\t%.2f\t%.2f\t\n",
				k, r.name, t.n, t.percent(), t.wrong, t.ms.percentile(50), t.ms.percentile(95), t.ms.percentile(100))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, "success: every code on the frame was read exactly; false: something was read that is not there.\n"+
		"CPU ms of the thread, or of the whole process of an installed tool. ours is gate decode; ours_lane is one frame of a\n"+
		"lane's stream, whose costlier ways take turns.")
	return err
}

// figures prints the lines of the totals.
func figures(out io.Writer, readers []reader, tallies map[string][]tally) error {
	for _, k := range slices.Sorted(maps.Keys(tallies)) {
		if !total(k) {
			continue
		}
		for i, r := range readers {
			t := &tallies[k][i]
			name := "qr_" + r.name + "_" + strings.ReplaceAll(k, " ", "_")
			if err := (series{t.percent()}).print(out, name+"_right_percent"); err != nil {
				return err
			}
			if t.codes > t.n {
				if err := (series{100 * float64(t.read) / float64(t.codes)}).print(out, name+"_codes_percent"); err != nil {
					return err
				}
			}
			if err := (series{float64(t.wrong)}).print(out, name+"_false_reads"); err != nil {
				return err
			}
			if err := t.ms.print(out, name+"_cpu_ms"); err != nil {
				return err
			}
		}
	}
	return nil
}
