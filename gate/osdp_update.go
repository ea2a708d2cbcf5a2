package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/con-ting/conting/firmware/update"
	"github.com/con-ting/conting/gate/turnstile"
	"github.com/con-ting/conting/sync/command"
	"github.com/con-ting/conting/sync/hint"
)

// updateLimit bounds an update: the longest image on the slowest line takes some
// twenty minutes.
const updateLimit = 30 * time.Minute

// maxFirmwareKey is the longest file of a public key, in bytes.
const maxFirmwareKey = 4 << 10

func updateCommand() *subcommand {
	var f osdpFlags
	var key string
	return &subcommand{
		name: "osdp update", args: "IMAGE", summary: "send our turnstile controller another image",
		detail: `
IMAGE is a file that the firmware's maker signed: its signature must be that of
[turnstile] firmware_key, and it must be newer than what the device runs. It goes
over Secure Channel into the half of the flash that does not run, is checked there,
and starts. The device takes it only while its lane is at rest, and gives it up if
the lane is needed: send it then when nobody comes. Stop the gate that uses the
line.

A new image is on trial: one that has not run for a minute with a panel on its line
by its third start gives way to the one before.

  gate osdp update --url /dev/serial/by-id/usb-FTDI-if00 --scbk lane1.scbk controller-0.2.0.img`,
		flags: func(c *call) {
			f.line(c)
			f.limit = updateLimit
			c.Lookup("timeout").DefValue = updateLimit.String()
			c.StringVar(&key, "firmware-key", "", "`file` of the public half of the firmware key; [turnstile] firmware_key if empty")
			c.BoolVar(&f.asJSON, "json", false, "print one JSON object")
		},
		run: func(ctx context.Context, a *app, c *call) error {
			if err := c.Want(1, 1); err != nil {
				return err
			}
			conf, confErr := c.load()
			if key == "" && confErr == nil {
				key = conf.Turnstile.FirmwareKey
			}
			image, err := readFirmware(c.Rest[0], key)
			if err != nil {
				return err
			}
			line, err := f.config(a, c)
			if err != nil {
				return err
			}
			if line.Key == (turnstile.OSDPKey{}) && confErr == nil && conf.Turnstile.SCBK != "" && line.URL == conf.Turnstile.URL {
				line.Key, err = readOSDPKey(conf.Turnstile.SCBK)
			}
			if err != nil {
				return err
			}
			if line.Key == (turnstile.OSDPKey{}) {
				return hint.Errorf("--scbk FILE, as [turnstile] scbk has it", "%w: no Secure Channel key is named", command.ErrUsage)
			}
			release, err := holdLine(c, line.URL)
			if err != nil {
				return err
			}
			defer release()
			ctx, cancel := context.WithTimeout(ctx, f.limit)
			defer cancel()
			r, err := turnstile.UpdateOSDP(ctx, line, image, progress(a.err))
			if err != nil {
				return err
			}
			return showUpdate(a.out, r, f.asJSON)
		},
	}
}

// readFirmware reads a signed image and the key that must have signed it.
func readFirmware(name, keyName string) (*update.Image, error) {
	if keyName == "" {
		return nil, hint.Errorf("set [turnstile] firmware_key to the file that the firmware's maker gave you, or name it with --firmware-key",
			"%w: no firmware key is named", command.ErrUsage)
	}
	text, err := readShort(keyName, maxFirmwareKey)
	if err != nil {
		return nil, fmt.Errorf("read the firmware key: %w", err)
	}
	key, err := update.DecodeKey(text)
	if err != nil {
		return nil, hint.Errorf("it is the .pub that image key --new made", "%s: %w", keyName, err)
	}
	file, err := readShort(name, update.MaxImage+1024)
	if err != nil {
		return nil, fmt.Errorf("read the image: %w", err)
	}
	v, err := update.Verify(file, key)
	switch {
	case errors.Is(err, update.ErrBadSignature):
		return nil, hint.Errorf("get it from the firmware's maker anew; do not use this one: another key than "+keyName+" signed it, or nobody",
			"%s: %w", name, err)
	case err != nil:
		return nil, hint.Errorf("want a whole file that image sign made", "%s: %w", name, err)
	}
	return v, nil
}

// readShort reads a file of at most that many bytes.
func readShort(name string, most int64) (data []byte, err error) {
	f, err := os.Open(name) //nolint:gosec // the operator names it
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data, err = io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%s: longer than %d bytes", name, most)
	}
	return data, err
}

// progress tells a person how far an update is: each tenth of it.
func progress(w io.Writer) func(turnstile.UpdateProgress) {
	last, phase := -1, turnstile.UpdatePhase("")
	return func(p turnstile.UpdateProgress) {
		tenth := 10 * p.Sent / max(p.Total, 1)
		if p.Phase == phase && tenth == last {
			return
		}
		last, phase = tenth, p.Phase
		said := map[turnstile.UpdatePhase]string{
			turnstile.UpdateSending:  fmt.Sprintf("sending: %d of %d bytes", p.Sent, p.Total),
			turnstile.UpdateChecking: "the device checks the image",
			turnstile.UpdateStarting: "the device starts it",
			turnstile.UpdateWaiting:  "it broke off: waiting for the line and the lane to begin anew",
		}[p.Phase]
		_, _ = fmt.Fprintf(w, "gate: %s\n", said) // nobody may be reading
	}
}

func showUpdate(w io.Writer, r turnstile.UpdateReport, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(map[string]any{
			"before": update.VersionName(r.Before), "after": update.VersionName(r.After), "trial": r.Trial,
		})
	}
	before, after := update.VersionName(r.Before), update.VersionName(r.After)
	text := fmt.Sprintf("the device runs %s now, and ran %s before\n", after, before)
	if r.Before == r.After {
		text = fmt.Sprintf("the device runs %s already\n", after)
	}
	if r.Trial {
		text += "it is on trial until it has run for a minute with a panel on its line: start the gate\n"
	}
	_, err := io.WriteString(w, text)
	return err
}
