package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/journal"
)

// exportMagic begins a journal file. After it come batches, each behind its
// length as a big-endian uint32; a batch is what central takes over the network.
const exportMagic = "CTJOURNAL1\n"

func exportCommand() *subcommand {
	return &subcommand{
		name: "export-journal", args: "FILE", summary: "write the journal as signed batches, for a gate that cannot upload it",
		detail: `
FILE must not exist yet; - is standard output. The journal stays as it is:
exporting acknowledges nothing. Batches are signed with this device's key.

  gate export-journal /media/usb/north-1.journal
  gate export-journal --after 1200 - | ssh central …`,
		flags: func(c *call) { c.after = c.Uint64("after", 0, "leave out the entries up to `seq`") },
		run: func(ctx context.Context, a *app, c *call) error {
			if err := c.Want(1, 1); err != nil {
				return err
			}
			conf, err := c.load()
			if err != nil {
				return err
			}
			u, err := a.peek(ctx, &conf)
			if err != nil {
				return err
			}
			n, last, err := a.exportTo(ctx, u, c.Rest[0], *c.after)
			if err = errors.Join(err, u.store.Close()); err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.err, "gate: exported %d entries, the last is %d\n", n, last)
			return err
		},
	}
}

// exportTo writes to a new file or to standard output.
func (a *app) exportTo(ctx context.Context, u *unlocked, name string, after uint64) (n int, last uint64, err error) {
	if name == "-" {
		return a.export(ctx, u, a.out, after)
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the operator's own choice
	if errors.Is(err, os.ErrExist) {
		return 0, 0, hint.Errorf("name a new file, or move the old one away", "%s exists already", name)
	}
	if err != nil {
		return 0, 0, err
	}
	n, last, err = a.export(ctx, u, f, after)
	if err == nil {
		err = f.Sync() // the stick is pulled out next
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return n, last, errors.Join(err, os.Remove(name))
	}
	return n, last, nil
}

func (a *app) export(ctx context.Context, u *unlocked, w io.Writer, after uint64) (n int, last uint64, err error) {
	if _, err := io.WriteString(w, exportMagic); err != nil {
		return 0, 0, err
	}
	last = after
	for {
		entries, err := u.store.Entries(ctx, last, journal.MaxEntries)
		if err != nil {
			return n, last, diskError(err)
		}
		if len(entries) == 0 {
			return n, last, nil
		}
		batch, err := journal.SealBatch(u.id.Signer(), u.id.Device(), entries, u.store.Clock().Now())
		if err != nil {
			return n, last, hint.Errorf("do not use this gate before central has seen its disk", "%w", err)
		}
		if _, err := w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(batch))), batch...)); err != nil { //nolint:gosec // at most journal.MaxBatch
			return n, last, err
		}
		n, last = n+len(entries), last+uint64(len(entries))
	}
}
