package main

import (
	"context"
	"encoding/json"
	"fmt"
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
	File   string  `json:"file"`
	Found  bool    `json:"found"`
	Text   string  `json:"text"`
	Millis float64 `json:"ms"` // of the decoder, without reading the file
}

func decodeCommand() *subcommand {
	var budget *time.Duration
	return &subcommand{
		name: "decode", args: "FILES…", summary: "read the code in each picture, as the lane would",
		detail: `
Pictures are JPEG or PNG. The exit status is 1 when a file cannot be read as a
picture; a picture without a code is no error.

  gate decode --json frames/*.jpg
  gate decode photo.png`,
		flags: func(c *call) {
			c.asJSON = c.Bool("json", false, "print exactly one JSON object a file: {file, found, text, ms}")
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
	d := decoded{File: name}
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
	text := "no code"
	if d.Found {
		text = fmt.Sprintf("%q", d.Text)
	}
	_, err := fmt.Fprintf(a.out, "%s: %s (%.1f ms)\n", d.File, text, d.Millis)
	return err
}

// milliseconds with three decimals, as events and results print them.
func milliseconds(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}
