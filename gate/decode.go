package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/con-ting/conting/gate/camera"
	"github.com/con-ting/conting/gate/qr"
	"github.com/con-ting/conting/sync/command"
	"github.com/con-ting/conting/sync/hint"
)

// decodeBudget is the time that one picture may cost: the whole budget of a
// lane from frame to verdict, because no next frame will come.
const decodeBudget = 150 * time.Millisecond

// decoded is what gate decode says about one picture.
type decoded struct {
	File   string        `json:"file"`
	Found  bool          `json:"found"`
	Text   string        `json:"text"` // of the first code
	Millis float64       `json:"ms"`   // of the decoder, without reading the file
	Codes  []decodedCode `json:"codes"`
}

// decodedCode is one of the codes in a picture. JSON has no way to write bytes
// that are no UTF-8; the base64 is exact whatever they are.
type decodedCode struct {
	Text    string        `json:"text"`
	Base64  []byte        `json:"base64"`
	Version int           `json:"version"`
	Corners [4][2]float64 `json:"corners"` // pixels, from the upper left one as the symbol is printed
}

func decodeCommand() *subcommand {
	var budget *time.Duration
	return &subcommand{
		name: "decode", args: "FILES…", summary: "read the code in each picture, as the lane would",
		detail: `
Pictures are JPEG or PNG. Several codes in one picture are all printed, from left
to right and then from top to bottom. The exit status is 1 when a file cannot be read as a
picture; a picture without a code is no error.

  gate decode --json frames/*.jpg
  gate decode photo.png`,
		flags: func(c *call) {
			c.asJSON = c.Bool("json", false, "print exactly one JSON object a file: {file, found, text, ms, codes}")
			budget = c.Duration("budget", decodeBudget, "the `time` one picture may cost")
		},
		run: func(ctx context.Context, a *app, c *call) error {
			if err := c.Want(1, -1); err != nil {
				return err
			}
			if *budget <= 0 {
				return c.Wrong("--budget must be positive")
			}
			decoder, err := qr.New(qr.Config{Budget: *budget, Exhaustive: true, Now: a.now})
			if err != nil {
				return err
			}
			unread := 0
			for _, name := range c.Rest {
				if err := ctx.Err(); err != nil {
					return err
				}
				d, err := decodeFile(decoder, a.now, name)
				if err != nil {
					hint.Complain(a.err, "gate", err)
					unread++
				}
				if err := a.showDecoded(d, *c.asJSON); err != nil {
					return err
				}
			}
			if unread > 0 {
				return command.Status(command.Error)
			}
			return nil
		},
	}
}

func decodeFile(decoder *qr.Decoder, now func() time.Time, name string) (decoded, error) {
	d := decoded{File: name, Codes: []decodedCode{}}
	gray, err := camera.ReadImage(name)
	if err != nil {
		return d, hint.Errorf("give JPEG or PNG files", "%w", err)
	}
	start := now()
	codes, err := decoder.Decode(gray)
	d.Millis = milliseconds(now().Sub(start))
	if err != nil {
		return d, fmt.Errorf("%s: %w", name, err)
	}
	slices.SortFunc(codes, func(a, b qr.Code) int {
		p, q := a.Corners[0], b.Corners[0]
		return cmp.Or(cmp.Compare(math.Round(p.X), math.Round(q.X)), cmp.Compare(p.Y, q.Y))
	})
	for i := range codes {
		c := decodedCode{Text: codes[i].Text, Base64: []byte(codes[i].Text), Version: codes[i].Version}
		for k, p := range codes[i].Corners {
			c.Corners[k] = [2]float64{tenths(p.X), tenths(p.Y)}
		}
		d.Codes = append(d.Codes, c)
	}
	if len(codes) > 0 {
		d.Found, d.Text = true, codes[0].Text
	}
	return d, nil
}

func (a *app) showDecoded(d decoded, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(a.out)
		enc.SetEscapeHTML(false)
		return enc.Encode(d)
	}
	texts := make([]string, 0, 1)
	for _, c := range d.Codes {
		texts = append(texts, strconv.Quote(c.Text))
	}
	if len(texts) == 0 {
		texts = append(texts, "no code")
	}
	_, err := fmt.Fprintf(a.out, "%s: %s (%.1f ms)\n", d.File, strings.Join(texts, " "), d.Millis)
	return err
}

// tenths rounds a place in a picture.
func tenths(v float64) float64 { return math.Round(v*10) / 10 }

// milliseconds with three decimals, as events and results print them.
func milliseconds(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}
