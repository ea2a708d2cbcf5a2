package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"os"

	"golang.org/x/sync/errgroup"

	"github.com/con-ting/conting/testdata/frames"
)

// shots is how many photographs are taken of one screen in a moving hand.
const shots = 5

// screen is a screenshot of a page and where on it the code is, in its pixels.
type screen struct {
	PNG     string `json:"png"` // base64
	X       int    `json:"x"`
	Y       int    `json:"y"`
	W       int    `json:"w"`
	H       int    `json:"h"`
	Modules int    `json:"modules"`
	Profile string `json:"profile"` // how unkind the camera is; gate if empty
	Seed    uint64 `json:"seed"`
}

func (s *screen) picture() (*frames.Picture, frames.Profile, error) {
	profile := frames.Gate
	if s.Profile != "" {
		var err error
		if profile, err = frames.ParseProfile(s.Profile); err != nil {
			return nil, 0, err
		}
	}
	raw, err := base64.StdEncoding.DecodeString(s.PNG)
	if err != nil {
		return nil, 0, fmt.Errorf("screenshot: %w", err)
	}
	page, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		return nil, 0, fmt.Errorf("screenshot: %w", err)
	}
	pic, err := frames.NewPicture(page, image.Rect(s.X, s.Y, s.X+s.W, s.Y+s.H), s.Modules)
	return pic, profile, err
}

// dwell is how many photographs in a row are of the same screen, where there are
// several: a page that turns its codes shows each for as long.
const dwell = 4

// photographs are what a camera sees of the screens, in turn.
func photographs(screens []screen) ([][]byte, error) {
	taken := make([][]byte, len(screens)*shots)
	var g errgroup.Group
	g.SetLimit(2)
	for n := range screens {
		pic, profile, err := screens[n].picture()
		if err != nil {
			return nil, err
		}
		g.Go(func() error {
			r := frames.NewRenderer()
			for i := range shots {
				scene := profile.Photograph(screens[n].Seed+uint64(i), frames.HD, pic)
				b, err := r.JPEG(scene)
				if err != nil {
					return err
				}
				taken[n*shots+i] = b
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil || len(screens) == 1 {
		return taken, err
	}
	var out [][]byte
	for turn := range shots {
		for n := range screens {
			for i := range dwell {
				out = append(out, taken[n*shots+(turn+i)%shots])
			}
		}
	}
	return out, nil
}

// hall is what a camera sees when nobody stands before it.
func hall() ([][]byte, error) {
	b, err := frames.NewRenderer().JPEG(frames.Empty.Scene(1, frames.HD, ""))
	return [][]byte{b}, err
}

// perfect is a text held up straight and still.
func perfect(text string) ([]byte, error) {
	return frames.NewRenderer().JPEG(frames.Easy.Scene(1, frames.HD, text))
}

type lens struct {
	Screen screen `json:"screen"`
	Path   string `json:"path"`
}

// lens writes what a phone's camera sees of a screen as YUV4MPEG2, the form that
// Chromium's fake camera reads.
func (v *venue) lens(_ context.Context, _ *http.Request, in lens) (any, error) {
	pic, _, err := in.Screen.picture()
	if err != nil {
		return nil, err
	}
	r := frames.NewRenderer()
	var out bytes.Buffer
	fmt.Fprintf(&out, "YUV4MPEG2 W%d H%d F10:1 Ip A1:1 C420jpeg\n", frames.VGA.X, frames.VGA.Y)
	gray := bytes.Repeat([]byte{128}, frames.VGA.X*frames.VGA.Y/2)
	for i := range shots {
		frame, err := r.Gray(frames.Easy.Photograph(in.Screen.Seed+uint64(i), frames.VGA, pic))
		if err != nil {
			return nil, err
		}
		out.WriteString("FRAME\n")
		out.Write(frame.Pix)
		out.Write(gray)
	}
	return none{}, os.WriteFile(in.Path, out.Bytes(), 0o600)
}
