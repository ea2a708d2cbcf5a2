package frames

import (
	"context"
	"encoding/base64"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
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
	categories := f.Categories
	if len(categories) == 0 {
		categories = Categories()
	}
	r := NewRenderer()
	n := 0
	var manifest strings.Builder
	manifest.WriteString(manifestHeading)
	for _, c := range categories {
		for i := range f.Count {
			if err := ctx.Err(); err != nil {
				return n, err
			}
			seed, shot := f.Seed+uint64(i), 0
			if f.Sway {
				seed, shot = f.Seed, i
			}
			s := c.Scene(seed, f.Size, f.Text).At(shot)
			data, err := r.JPEG(s)
			if err != nil {
				return n, fmt.Errorf("frame %d of %s with seed %d: %w", i, c, seed, err)
			}
			id := fmt.Sprintf("main-%s-%03d", c, i)
			if err := os.WriteFile(filepath.Join(dir, id+".jpg"), data, 0o600); err != nil {
				return n, err
			}
			manifest.WriteString(s.row(id, c, seed))
			n++
		}
	}
	return n, os.WriteFile(filepath.Join(dir, ManifestName), []byte(manifest.String()), 0o600)
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
