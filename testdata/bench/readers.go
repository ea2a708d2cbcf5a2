package main

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"golang.org/x/sys/unix"

	"github.com/con-ting/conting/gate/qr"
)

// reader is one way to read codes. read returns the texts it found and the CPU
// time that took.
type reader struct {
	name string
	read func(gray *image.Gray) (texts []string, took time.Duration, err error)
	// program says that it is another process, which ends a text with a line's end.
	program bool
	// stream says that it reads frames as those of one stream, which pictures are not.
	stream bool
}

// inProcess are the readers that run here, on the calling thread: ours as it looks at a single
// picture and as it looks at a lane's stream, and gozxing.
func inProcess() ([]reader, error) {
	ours, err := newOurs("ours", true)
	if err != nil {
		return nil, err
	}
	others, err := stream()
	return append([]reader{ours}, others...), err
}

// stream are the readers for the frames of one stream.
func stream() ([]reader, error) {
	lane, err := newOurs("ours_lane", false)
	return []reader{
		lane,
		{name: "gozxing", read: timed(stock)},
		{name: "gozxing_best", read: timed(bestRecipe)},
	}, err
}

// newOurs is the gate's decoder with its default budget, counted in CPU time, so that it reads as
// much on a busy machine as on an idle one. A single picture is looked at in every way, as the gate's
// decode command does; in a stream the costlier ways take turns over the frames.
func newOurs(name string, single bool) (reader, error) {
	d, err := qr.New(qr.Config{Exhaustive: single, Now: func() time.Time { return time.Unix(0, 0).Add(cpuTime()) }})
	if err != nil {
		return reader{}, err
	}
	return reader{name: name, stream: !single, read: func(g *image.Gray) ([]string, time.Duration, error) {
		began := cpuTime()
		codes, err := d.Decode(g)
		took := cpuTime() - began
		var texts []string
		for _, c := range codes {
			texts = append(texts, c.Text)
		}
		return texts, took, err
	}}, nil
}

func timed(read func(*image.Gray) string) func(*image.Gray) ([]string, time.Duration, error) {
	return func(g *image.Gray) ([]string, time.Duration, error) {
		began := cpuTime()
		text := read(g)
		took := cpuTime() - began
		if text == "" {
			return nil, took, nil
		}
		return []string{text}, took, nil
	}
}

// stock is gozxing as its documentation has it.
func stock(g *image.Gray) string { return attempt(gozxing.NewHybridBinarizer(luminance(g)), nil) }

// bestRecipe is the best that gozxing's own options do.
func bestRecipe(g *image.Gray) string {
	harder := map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true}
	source := luminance(g)
	for _, b := range []gozxing.Binarizer{
		gozxing.NewHybridBinarizer(source),
		gozxing.NewGlobalHistgramBinarizer(source),
		gozxing.NewHybridBinarizer(luminance(halved(g))),
		gozxing.NewHybridBinarizer(source.Invert()),
	} {
		if text := attempt(b, harder); text != "" {
			return text
		}
	}
	return ""
}

func luminance(g *image.Gray) gozxing.LuminanceSource {
	b := g.Bounds()
	pix := g.Pix
	if g.Stride != b.Dx() {
		pix = make([]byte, 0, b.Dx()*b.Dy())
		for y := range b.Dy() {
			pix = append(pix, g.Pix[y*g.Stride:y*g.Stride+b.Dx()]...)
		}
	}
	source, err := gozxing.NewPlanarYUVLuminanceSource(pix, b.Dx(), b.Dy(), 0, 0, b.Dx(), b.Dy(), false)
	if err != nil { // the plane is as large as it says
		return gozxing.NewLuminanceSourceFromImage(g)
	}
	return source
}

// attempt reads one code. Its text is taken from the bytes where there are any,
// because gozxing guesses at a character set.
func attempt(b gozxing.Binarizer, hints map[gozxing.DecodeHintType]any) string {
	bmp, err := gozxing.NewBinaryBitmap(b)
	if err != nil {
		return ""
	}
	result, err := qrcode.NewQRCodeReader().Decode(bmp, hints)
	if err != nil {
		return ""
	}
	if segments, ok := result.GetResultMetadata()[gozxing.ResultMetadataType_BYTE_SEGMENTS].([][]byte); ok && len(segments) == 1 &&
		len(segments[0]) >= len([]rune(result.GetText())) {
		return string(segments[0])
	}
	return result.GetText()
}

// halved is g at half size.
func halved(g *image.Gray) *image.Gray {
	w, h := g.Rect.Dx()/2, g.Rect.Dy()/2
	out := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		a, b := g.Pix[2*y*g.Stride:], g.Pix[(2*y+1)*g.Stride:]
		for x := range w {
			out.Pix[y*w+x] = uint8((int(a[2*x]) + int(a[2*x+1]) + int(b[2*x]) + int(b[2*x+1]) + 2) / 4)
		}
	}
	return out
}

// tools are the command-line readers that are installed. They are given the gray
// plane as a PNG; their CPU time is the process's, start and unpacking included.
func tools(dir string) []reader {
	var found []reader
	for _, t := range []struct {
		name, command string
		args          []string
	}{
		{"zbar", "zbarimg", []string{"--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", "-Sbinary", "--nodbus"}},
		{"zxing_cpp", "ZXingReader", []string{"-bytes", "-format", "QRCode"}},
	} {
		path, err := exec.LookPath(t.command)
		if err != nil {
			continue
		}
		file := filepath.Join(dir, t.name+".png")
		found = append(found, reader{name: t.name, program: true, read: func(g *image.Gray) ([]string, time.Duration, error) {
			if err := writePNG(file, g); err != nil {
				return nil, 0, err
			}
			cmd := exec.Command(path, append(t.args, file)...)
			out, err := cmd.Output()
			if cmd.ProcessState == nil {
				return nil, 0, fmt.Errorf("%s: %w", t.command, err)
			}
			took := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			if len(bytes.TrimRight(out, "\n")) == 0 { // it says by its status that there was none
				return nil, took, nil
			}
			return []string{string(out)}, took, nil
		}})
	}
	return found
}

func writePNG(file string, g *image.Gray) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	enc := png.Encoder{CompressionLevel: png.NoCompression}
	if err := enc.Encode(f, g); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// cpuTime is what the calling thread has computed so far, which the goroutine is tied to from then
// on. The machine may have other work, and a wall clock would count that too.
func cpuTime() time.Duration {
	runtime.LockOSThread()
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
