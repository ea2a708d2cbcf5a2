package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"github.com/con-ting/conting/gate/turnstile"
	"github.com/con-ting/conting/sync/command"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/private"
)

// readOSDPKey reads a Secure Channel key from a file that nobody else can read.
func readOSDPKey(name string) (turnstile.OSDPKey, error) {
	text, err := private.ReadLine(name)
	if errors.Is(err, fs.ErrNotExist) {
		return turnstile.OSDPKey{}, hint.Errorf("make one: gate osdp key --new "+name+", and give the device the same", "%w", err)
	}
	if err != nil {
		return turnstile.OSDPKey{}, err
	}
	k, err := turnstile.ParseOSDPKey(text)
	if err != nil {
		return k, hint.Errorf("gate osdp key --new FILE makes one", "%s: %w", name, err)
	}
	return k, nil
}

// newOSDPKey writes a new key to a file that must not exist.
func newOSDPKey(name string) (turnstile.OSDPKey, error) {
	var k turnstile.OSDPKey
	if _, err := rand.Read(k[:]); err != nil {
		return k, err
	}
	return k, private.Create(name, []byte(hex.EncodeToString(k[:])+"\n"))
}

// osdpFlags are those of a command that talks to an OSDP device.
type osdpFlags struct {
	url, scbk string
	address   int
	baud      int
	limit     time.Duration
	fresh     string
	asJSON    bool
}

func (f *osdpFlags) line(c *call) {
	c.StringVar(&f.url, "url", "", "`line`: /dev/serial/by-id/…, tcp://host:port or unix:/path; [turnstile] url if empty")
	c.IntVar(&f.address, "address", -1, "the device's address, 0 to 126; [turnstile] address if negative")
	c.IntVar(&f.baud, "baud", 0, "of a serial line; [turnstile] baud if 0")
	c.StringVar(&f.scbk, "scbk", "", "`file` of the Secure Channel key")
	c.DurationVar(&f.limit, "timeout", 5*time.Second, "how long to try")
}

// config joins the flags with [turnstile].
func (f *osdpFlags) config(a *app, c *call) (turnstile.OSDPConfig, error) {
	t := defaultTurnstile()
	if f.url == "" || f.address < 0 || f.baud == 0 {
		conf, err := c.load()
		if err != nil && f.url == "" {
			return turnstile.OSDPConfig{}, err
		}
		if err == nil && conf.Lane.Driver == driverOSDP {
			t = conf.Turnstile
		}
	}
	if f.url != "" {
		t.URL = f.url
	}
	if f.address >= 0 {
		t.Address = f.address
	}
	if f.baud != 0 {
		t.Baud = f.baud
	}
	if t.URL == "" {
		return turnstile.OSDPConfig{}, hint.Errorf("gate osdp probe --url /dev/serial/by-id/…, or tcp://host:port, or unix:/path", "%w: no line is named", command.ErrUsage)
	}
	o, err := t.osdp(a.now)
	o.Logger = slog.New(slog.DiscardHandler)
	if err == nil && f.scbk != "" {
		o.Key, err = readOSDPKey(f.scbk)
	}
	return o, err
}

func probeCommand() *subcommand {
	var f osdpFlags
	return &subcommand{
		name: "osdp probe", args: "", summary: "ask an OSDP device who it is, what it can do, and how its contacts are",
		detail: `
Without a key it learns what any device tells anybody: its identity and its
capabilities, which somebody else on the line may have made up. With --scbk it sets
up Secure Channel and asks for contacts and outputs, too. It switches nothing. Stop
the gate that uses the line. The exit status is 0 when the device answered, and
with a key only when Secure Channel came up; else 1.

  gate osdp probe --url /dev/serial/by-id/usb-FTDI-if00 --address 1
  gate osdp probe --url tcp://10.0.0.7:4001 --scbk /etc/conting/lane1.scbk`,
		flags: func(c *call) {
			f.line(c)
			c.BoolVar(&f.asJSON, "json", false, "print one JSON object")
		},
		run: func(ctx context.Context, a *app, c *call) error {
			if err := c.Want(0, 0); err != nil {
				return err
			}
			conf, err := f.config(a, c)
			if err != nil {
				return err
			}
			release, err := holdLine(c, conf.URL)
			if err != nil {
				return err
			}
			defer release()
			ctx, cancel := context.WithTimeout(ctx, f.limit)
			defer cancel()
			r, err := turnstile.ProbeOSDP(ctx, conf)
			if err != nil {
				return err
			}
			if f.asJSON {
				enc := json.NewEncoder(a.out)
				enc.SetIndent("", "  ")
				err = enc.Encode(r)
			} else {
				err = writeProbe(a.out, &r)
			}
			if err != nil {
				return err
			}
			if !r.Answers || f.scbk != "" && r.Security != "secured" {
				return command.Status(command.Error)
			}
			return nil
		},
	}
}

// writeProbe writes a report for a person.
func writeProbe(w io.Writer, r *turnstile.OSDPReport) error {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-13s "+format+"\n", append([]any{name}, args...)...)
	}
	if !r.Answers {
		line("device", "does not answer: check its supply, the line's A and B, address and baud")
		_, err := io.WriteString(w, b.String())
		return err
	}
	kind := "another make: drive it by its outputs and contacts"
	if r.Ours {
		kind = "our controller"
	}
	if r.Vendor != "" {
		line("device", "vendor %s, model %d.%d, serial %d, firmware %s", r.Vendor, r.Model, r.Version, r.Serial, r.Firmware)
		line("kind", "%s", kind)
	}
	for _, c := range r.Capabilities {
		line("capability", "%2d %-16s level %d, items %d", c.Function, c.Name, c.Level, c.Items)
	}
	security := map[string]string{
		"no_key":    "no key was given: all of this may be made up, and contacts are not told (--scbk)",
		"secured":   "Secure Channel is up: the device has this key",
		"wrong_key": "the device does not have this key",
		"refused":   "the device refuses Secure Channel, or offers less security than it must",
		"no_answer": "Secure Channel did not come up in time",
	}[r.Security]
	line("security", "%s: %s", r.Security, security)
	if r.DefaultKey {
		line("", "! it says that it works with the default key as well: turn that off")
	}
	for _, why := range r.Refused {
		line("refused", "%s", why)
	}
	list := func(name string, levels []bool) {
		if levels == nil {
			return
		}
		words := make([]string, len(levels))
		for i, on := range levels {
			words[i] = fmt.Sprintf("%d=%d", i, map[bool]int{true: 1}[on])
		}
		line(name, "%s", strings.Join(words, " "))
	}
	list("contacts", r.Contacts)
	list("outputs", r.Outputs)
	if r.Cover != nil && r.Supply != nil {
		line("local", "cover open: %t, supply failing: %t", *r.Cover, *r.Supply)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func keyCommand() *subcommand {
	var f osdpFlags
	return &subcommand{
		name: "osdp key", args: "", summary: "make a Secure Channel key for a gate and its turnstile",
		detail: `
Writes 32 hex digits to a new file that only you can read. The device must get the
same key by a way that nobody listens to: its maker's tool, or gate osdp provision
for one that has a key already.

  gate osdp key --new /etc/conting/lane1.scbk`,
		flags: func(c *call) { c.StringVar(&f.fresh, "new", "", "the `file` to make") },
		run: func(_ context.Context, a *app, c *call) error {
			if err := c.Want(0, 0); err != nil {
				return err
			}
			if f.fresh == "" {
				return hint.Errorf("gate osdp key --new FILE", "%w: --new is missing", command.ErrUsage)
			}
			if _, err := newOSDPKey(f.fresh); err != nil {
				return err
			}
			_, err := fmt.Fprintf(a.out, "%s holds a new key; give the device the same\n", f.fresh)
			return err
		},
	}
}

func provisionCommand() *subcommand {
	var f osdpFlags
	return &subcommand{
		name: "osdp provision", args: "", summary: "give an OSDP device another Secure Channel key",
		detail: `
The new key goes through Secure Channel under the old one, and never otherwise. The
file named by --new is made if it is not there. Keep both files until the command
says that the device has the new key; then set [turnstile] scbk to the new one.
Stop the gate that uses the line.

  gate osdp provision --url /dev/serial/by-id/usb-FTDI-if00 --scbk old.scbk --new new.scbk`,
		flags: func(c *call) {
			f.line(c)
			c.StringVar(&f.fresh, "new", "", "the `file` of the new key")
		},
		run: func(ctx context.Context, a *app, c *call) error {
			if err := c.Want(0, 0); err != nil {
				return err
			}
			if f.fresh == "" || f.scbk == "" {
				return hint.Errorf("gate osdp provision --url … --scbk FILE --new FILE", "%w: --scbk or --new is missing", command.ErrUsage)
			}
			conf, err := f.config(a, c)
			if err != nil {
				return err
			}
			key, err := readOSDPKey(f.fresh)
			if errors.Is(err, fs.ErrNotExist) {
				key, err = newOSDPKey(f.fresh)
			}
			if err != nil {
				return err
			}
			release, err := holdLine(c, conf.URL)
			if err != nil {
				return err
			}
			defer release()
			ctx, cancel := context.WithTimeout(ctx, f.limit)
			defer cancel()
			err = turnstile.RekeyOSDP(ctx, conf, key)
			if errors.Is(err, turnstile.ErrKeyInDoubt) {
				return hint.Errorf("keep both files: gate osdp probe --scbk with each shows which it has", "%w", err)
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.out, "the device has the key of %s: set [turnstile] scbk to it, and destroy %s\n", f.fresh, f.scbk)
			return err
		},
	}
}
