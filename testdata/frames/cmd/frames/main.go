// Command frames writes rendered camera frames to a folder, with a manifest.tsv that says what each
// shows, for looking at them, for benches and for the gate's dir: camera.
package main

import (
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/con-ting/conting/testdata/frames"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "frames:", err)
		os.Exit(1)
	}
}

// heading is the manifest's first line; want_b64 is the text that the code carries.
const heading = "#id\tfile\tset\tcat\tmode\tw\th\twant_b64\tnote"

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("frames", flag.ContinueOnError)
	dir := flags.String("out", "frames", "folder to write to; made if it is not there")
	names := flags.String("profile", "easy,gate,hard,empty", "profiles, separated by commas")
	count := flags.Int("n", 10, "frames of each profile")
	seed := flags.Uint64("seed", 1, "seed of the first frame; the next has the next")
	width := flags.Int("width", frames.HD.X, "pixels")
	height := flags.Int("height", frames.HD.Y, "pixels")
	text := flags.String("text", "CTR1:"+strings.Repeat("CONTING TEST 0123456789", 7), "what the code says")
	sway := flags.Bool("sway", false, "frames of one moving hand instead of one scene each")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := os.MkdirAll(*dir, 0o750); err != nil {
		return err
	}
	r := frames.NewRenderer()
	lines := []string{heading}
	for name := range strings.SplitSeq(*names, ",") {
		p, err := frames.ParseProfile(name)
		if err != nil {
			return err
		}
		for i := range *count {
			s := p.Scene(*seed+uint64(i), frames.HD, *text)
			if *sway {
				s = p.Scene(*seed, frames.HD, *text).At(i)
			}
			if w, h := *width, *height; w != s.Size.X || h != s.Size.Y {
				s.ModulePX *= float64(h) / float64(s.Size.Y)
				s.Size.X, s.Size.Y = w, h
			}
			data, err := r.JPEG(s)
			if err != nil {
				return err
			}
			id := fmt.Sprintf("%s-%04d", p, i)
			if err := os.WriteFile(filepath.Join(*dir, id+".jpg"), data, 0o600); err != nil {
				return err
			}
			mode, want := "exact", base64.StdEncoding.EncodeToString([]byte(s.Text))
			if s.Text == "" {
				mode, want = "none", "-"
			}
			lines = append(lines, fmt.Sprintf("%s\t%s.jpg\tmain\t%s\t%s\t%d\t%d\t%s\tseed=%d", id, id, p, mode, s.Size.X, s.Size.Y, want, s.Seed))
		}
	}
	manifest := filepath.Join(*dir, "manifest.tsv")
	if err := os.WriteFile(manifest, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%d frames and manifest.tsv in %s\n", len(lines)-1, *dir)
	return err
}
