package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/con-ting/conting/gate/identity"
)

func enrolCommand() *subcommand {
	return &subcommand{
		name: "enrol", args: "STRING", summary: "make this device's key and have central certify it",
		detail: `
STRING is the one-time enrolment string from the console (15 minutes, once):
https://HOST:PORT/enrol#CODE.PIN. Quote it, or give - to read it from standard
input, so that it does not stand in the shell's history. The key never leaves
this device.

  gate enrol 'https://central.example:8443/enrol#ABCD-EFGH-IJKL-MNOP.QX2…'
  zbarcam -1 --raw | gate enrol -`,
		run: func(ctx context.Context, a *app, c *call) error {
			if err := c.Want(1, 1); err != nil {
				return err
			}
			conf, err := c.load()
			if err != nil {
				return err
			}
			text := c.Rest[0]
			if text == "-" {
				b, err := io.ReadAll(io.LimitReader(a.in, identity.MaxInvitation+2))
				if err != nil {
					return fmt.Errorf("read enrolment string: %w", err)
				}
				text = strings.TrimRight(string(b), "\r\n")
			}
			inv, err := identity.ParseInvitation(text)
			if err != nil {
				return err
			}
			id, err := identity.Enrol(ctx, identity.EnrolConfig{Dir: conf.identityDir(), Invitation: inv, Now: a.now})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.out, "enrolled as %s at gate %q for %s, certificate until %s\nnext: gate doctor, then gate run\n",
				id, id.Gate(), eventWords(id), id.Certificate().NotAfter.UTC().Format("2006-01-02 15:04 MST"))
			return err
		},
	}
}

func eventWords(id *identity.Identity) string {
	words := make([]string, 0, 4)
	for _, e := range id.Events() {
		words = append(words, "event "+e.String())
	}
	return strings.Join(words, ", ")
}
