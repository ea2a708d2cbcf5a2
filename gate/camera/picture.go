package camera

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"strings"
)

// Limits on pictures from outside.
const (
	// MaxSide is the longest side of a picture in pixels.
	MaxSide = 4096
	// MaxPixels is the most pixels of a picture: 4096×2304 and a little.
	MaxPixels = 10_000_000
	// MaxPart is the longest JPEG in a stream or from a device in bytes.
	MaxPart = 8 << 20
	// MaxFile is the longest picture file in bytes.
	MaxFile = 32 << 20
)

// ReadImage reads a JPEG or PNG file as gray pixels. Errors wrap ErrFrame if the file is not such a
// picture or a larger one than the limits allow.
func ReadImage(path string) (*image.Gray, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("read picture: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	data, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read picture: %w", err)
	}
	if len(data) > MaxFile {
		return nil, fmt.Errorf("%w: %s has more than %d bytes", ErrFrame, path, MaxFile)
	}
	gray, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return gray, nil
}

// decode turns a JPEG or PNG into gray pixels. Its size is known before its pixels are unpacked.
func decode(data []byte) (gray *image.Gray, err error) {
	defer func() { // the decoders do not panic that we know of; a lane must not find out
		if r := recover(); r != nil {
			gray, err = nil, fmt.Errorf("%w: decoder failed: %v", ErrFrame, r)
		}
	}()
	if bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")) {
		return decodePNG(data)
	}
	return decodeJPEG(data)
}

func decodePNG(data []byte) (*image.Gray, error) {
	cfg, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFrame, err)
	}
	if err := checkSize(cfg.Width, cfg.Height); err != nil {
		return nil, err
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFrame, err)
	}
	return grayOf(img), nil
}

func decodeJPEG(data []byte) (*image.Gray, error) {
	h, err := inspect(data)
	if err != nil {
		return nil, err
	}
	if err := checkSize(h.width, h.height); err != nil {
		return nil, err
	}
	var r io.Reader = bytes.NewReader(data)
	if !h.tables {
		r = io.MultiReader(bytes.NewReader(data[:h.scan]), strings.NewReader(standardTables), bytes.NewReader(data[h.scan:]))
	}
	img, err := jpeg.Decode(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFrame, err)
	}
	return grayOf(img), nil
}

func checkSize(w, h int) error {
	if w < 1 || h < 1 || w > MaxSide || h > MaxSide || w*h > MaxPixels {
		return fmt.Errorf("%w: %d×%d pixels; the limit is %d a side and %d in all", ErrFrame, w, h, MaxSide, MaxPixels)
	}
	return nil
}

// grayOf is img in gray. A JPEG's brightness is taken as it is, without a copy.
func grayOf(img image.Image) *image.Gray {
	switch p := img.(type) {
	case *image.Gray:
		return p
	case *image.YCbCr:
		return &image.Gray{Pix: p.Y, Stride: p.YStride, Rect: p.Rect}
	}
	b := img.Bounds()
	g := image.NewGray(b)
	draw.Draw(g, b, image.White, image.Point{}, draw.Src) // where it is transparent
	draw.Draw(g, b, img, b.Min, draw.Over)
	return g
}
