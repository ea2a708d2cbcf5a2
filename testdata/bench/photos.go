package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"image"
	"os"
	"path/filepath"
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

// photo is one row of a manifest.tsv: id, file, set, cat, mode, w, h, want_b64, note.
type photo struct{ id, file, set, category, mode, want string }

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
		want, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(c[7], "-"))
		if err != nil {
			return nil, fmt.Errorf("manifest.tsv: %s: %w", c[0], err)
		}
		photos = append(photos, photo{c[0], c[1], c[2], c[3], c[4], string(want)})
	}
	return photos, lines.Err()
}

// judge says whether the texts a reader found are what p shows, and whether one
// of them is something else. tool says that the text ends where a program put a
// line's end.
func (p *photo) judge(texts []string, tool bool) (read, wrong bool) {
	for _, got := range texts {
		want := p.want
		if tool {
			got, want = strings.TrimRight(got, "\n"), strings.TrimRight(want, "\n")
			if lines := strings.Split(got, "\n"); len(lines) > 1 && !strings.Contains(want, "\n") {
				got = lines[0] // several codes, one a line
			}
		}
		switch p.mode {
		case modeNone:
			wrong = true
		case modeUnlabelled:
			read = true
		case modeASCII:
			if sameASCII(got, want) {
				read = true
			} else {
				wrong = true
			}
		default:
			if got == want {
				read = true
			} else {
				wrong = true
			}
		}
	}
	return read, wrong
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
