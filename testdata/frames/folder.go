package frames

import (
	"context"
	"encoding/base64"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"
)

// ManifestName is the file of a folder that says what its frames show: a line of columns divided by
// tabs for each, after a heading that begins with #.
//
//	id  file  set  cat  mode  w  h  want_b64  note
//
// set is "main", cat a [Category]. mode is "exact" where want_b64 is what the codes say in base64,
// several divided by commas, and "none" with want_b64 "-" where there is no code.
const ManifestName = "manifest.tsv"

const manifestHeading = "#id\tfile\tset\tcat\tmode\tw\th\twant_b64\tnote\n"

// Folder says which frames to write.
type Folder struct {
	Categories []Category  // all of them if empty
	Count      int         // frames of each category
	Seed       uint64      // of the first frame of each category; the next has the next
	Size       image.Point // by lot if zero
	Text       string      // by lot if empty
	Sway       bool        // frames of one moving hand instead of one scene each
}

// Write renders the frames as JPEG files into dir, which it makes, and then their manifest. It
// returns how many there are. The same Folder makes the same files.
func (f Folder) Write(ctx context.Context, dir string) (int, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return 0, err
	}
	if f.Count < 0 {
		return 0, fmt.Errorf("%w: %d frames", ErrScene, f.Count)
	}
	categories := f.Categories
	if len(categories) == 0 {
		categories = Categories()
	}
	rows := make([]string, len(categories)*f.Count)
	renderers := make(chan *Renderer, runtime.GOMAXPROCS(0))
	for range cap(renderers) {
		renderers <- NewRenderer()
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(cap(renderers))
	for i := range rows {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			r := <-renderers
			defer func() { renderers <- r }()
			var err error
			rows[i], err = f.frame(r, dir, categories[i/f.Count], i%f.Count)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	manifest := manifestHeading + strings.Join(rows, "")
	return len(rows), os.WriteFile(filepath.Join(dir, ManifestName), []byte(manifest), 0o600)
}

// frame writes the i-th frame of a category and returns its line of the manifest.
func (f Folder) frame(r *Renderer, dir string, c Category, i int) (string, error) {
	seed, shot := f.Seed+uint64(i), 0
	if f.Sway {
		seed, shot = f.Seed, i
	}
	s := c.Scene(seed, f.Size, f.Text).At(shot)
	data, err := r.JPEG(s)
	if err != nil {
		return "", fmt.Errorf("frame %d of %s with seed %d: %w", i, c, seed, err)
	}
	id := fmt.Sprintf("main-%s-%03d", c, i)
	if err := os.WriteFile(filepath.Join(dir, id+".jpg"), data, 0o600); err != nil {
		return "", err
	}
	return s.row(id, c, seed), nil
}

// row is the scene's line of a manifest.
func (s Scene) row(id string, c Category, seed uint64) string {
	mode, want, note := "none", "-", ""
	if texts := s.Texts(); len(texts) > 0 {
		mode = "exact"
		for i, t := range texts {
			texts[i] = base64.StdEncoding.EncodeToString([]byte(t))
		}
		want = strings.Join(texts, ",")
	}
	if code, err := EncodeAt(s.Text, s.Level); err == nil {
		note = fmt.Sprintf("v%d-%v ppm=%.2f ", code.Version, code.Level, s.ModulePX)
	}
	return fmt.Sprintf("%s\t%s.jpg\tmain\t%s\t%s\t%d\t%d\t%s\t%sseed=%d\n", id, id, c, mode, s.Size.X, s.Size.Y, want, note, seed)
}
