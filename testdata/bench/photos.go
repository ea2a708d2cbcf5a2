package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/con-ting/conting/gate/camera"
)

// How a frame's text was established.
const (
	modeExact      = "exact"      // byte for byte
	modeASCII      = "ascii"      // through a character set; what is not ASCII may differ
	modeUnlabelled = "unlabelled" // there is a code, but nobody wrote down what it says
	modeNone       = "none"       // there is no code
)

// photo is one row of a manifest.tsv: id, file, set, cat, mode, w, h, want_b64, note. want_b64 has
// what the code says or, of several codes, what each says, divided by commas.
type photo struct {
	id, file, set, category, mode string

	wants []string
}

func readManifest(dir string) ([]photo, error) {
	f, err := os.Open(filepath.Join(dir, "manifest.tsv"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var photos []photo
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "#") || lines.Text() == "" {
			continue
		}
		c := strings.Split(lines.Text(), "\t")
		if len(c) < 8 {
			return nil, fmt.Errorf("manifest.tsv: %d columns in %q, want 8 or more", len(c), lines.Text())
		}
		p := photo{id: c[0], file: c[1], set: c[2], category: c[3], mode: c[4]}
		for encoded := range strings.SplitSeq(strings.TrimPrefix(c[7], "-"), ",") {
			want, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil {
				return nil, fmt.Errorf("manifest.tsv: %s: %w", c[0], err)
			}
			p.wants = append(p.wants, string(want))
		}
		photos = append(photos, p)
	}
	return photos, lines.Err()
}

// codes is how many codes p shows.
func (p *photo) codes() int {
	if p.mode == modeNone {
		return 0
	}
	return len(p.wants)
}

// judge says how many of p's codes are among the texts a reader found, and whether one of the texts
// is something else. program says that the texts are what another process printed: see [split].
func (p *photo) judge(texts []string, program bool) (read int, wrong bool) {
	if program {
		texts = p.split(texts)
	}
	found := make([]bool, len(p.wants))
	for _, got := range texts {
		right := false
		for i, want := range p.wants {
			if p.says(got, want) {
				found[i], right = true, true
			}
		}
		wrong = wrong || !right
	}
	for _, f := range found {
		if f {
			read++
		}
	}
	return read, wrong
}

// says reports whether got is what a code with the text want says.
func (p *photo) says(got, want string) bool {
	switch p.mode {
	case modeNone:
		return false
	case modeUnlabelled:
		return true
	case modeASCII:
		return sameASCII(got, want)
	}
	return got == want
}

// split undoes what programs do to texts: they end them with a line's end, or set several down one
// after the other with nothing between. Of a frame with one code the first line counts unless the
// code has lines itself; from one with several codes the wanted texts are cut out, and what is left
// over is wrong.
func (p *photo) split(texts []string) []string {
	var out []string
	for _, got := range texts {
		got = strings.TrimRight(got, "\n")
		if len(p.wants) > 1 {
			longest := slices.SortedFunc(slices.Values(p.wants), func(a, b string) int { return len(b) - len(a) })
			for _, want := range longest {
				if strings.Contains(got, want) {
					out, got = append(out, want), strings.ReplaceAll(got, want, "\n")
				}
			}
			if got = strings.Trim(got, "\n"); got != "" {
				out = append(out, got)
			}
			continue
		}
		want := p.wants[0]
		if line, _, more := strings.Cut(got, "\n"); more && !strings.Contains(want, "\n") {
			got = line
		}
		if strings.TrimRight(want, "\n") == got {
			got = want
		}
		out = append(out, got)
	}
	return out
}

// sameASCII says whether the ASCII parts of want follow each other in got, with
// anything between: a character set changes the rest.
func sameASCII(got, want string) bool {
	parts := strings.FieldsFunc(want, func(r rune) bool { return r <= ' ' || r > '~' })
	for _, p := range parts {
		_, after, ok := strings.Cut(got, p)
		if !ok {
			return false
		}
		got = after
	}
	return true
}

// eachPhoto loads the pictures one after the other. A picture that cannot be
// read is nil: a reader's failure, not the bench's.
func eachPhoto(dir string, photos []photo, do func(p *photo, gray *image.Gray) error) error {
	for i := range photos {
		gray, err := camera.ReadImage(filepath.Join(dir, photos[i].file))
		if err != nil {
			gray = nil
		}
		if err := do(&photos[i], gray); err != nil {
			return fmt.Errorf("%s: %w", photos[i].id, err)
		}
	}
	return nil
}
