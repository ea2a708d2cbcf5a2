package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/con-ting/conting/firmware/update"
	"github.com/con-ting/conting/sync/command"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/private"
)

// app is what a command may touch of the world.
type app struct {
	out, err io.Writer
}

// flags are those of all commands.
type flags struct {
	file    string // --new
	key     string
	board   string
	version uint
	asJSON  bool
}

// program is the commands.
func (a *app) program() *command.Program {
	f := new(flags)
	return &command.Program{
		Name: "image", About: "image signs a turnstile controller's image.", Out: a.out, Err: a.err,
		Commands: []command.Command{
			{
				Name: "key", Summary: "make a firmware key",
				Detail: `
FILE gets the private half and can be read by its owner only; FILE.pub gets the
public half, which is a gate's [turnstile] firmware_key. Neither may be there yet.

  image key --new firmware.pem`,
				Flags: func(s *flag.FlagSet) { s.StringVar(&f.file, "new", "", "`FILE` to make; required") },
				Run:   func(_ context.Context, c *command.Call) error { return a.newKey(c, f) },
			},
			{
				Name: "sign", Args: "IN OUT", Summary: "sign an image",
				Detail: `
IN is the flat image as it is in the slot's flash, not an ELF file. Versions only
grow: a controller takes none that is not newer than what it runs. OUT may not be
there yet.

  image sign --key firmware.pem --board host --version 258 controller.bin controller.img`,
				Flags: func(s *flag.FlagSet) {
					s.StringVar(&f.key, "key", "", "`FILE` with the private half of the firmware key; required")
					s.StringVar(&f.board, "board", "", "`BOARD` that it is for: host, lm3s6965 or a number; required")
					s.UintVar(&f.version, "version", 0, "`NUMBER` from 1 to 16777215; required")
				},
				Run: func(_ context.Context, c *command.Call) error { return a.sign(c, f) },
			},
			{
				Name: "show", Args: "FILE", Summary: "say what a signed image is",
				Detail: `
With --key it also says whether the signature is right, and ends with status 1 when
it is not.

  image show --key firmware.pem.pub controller.img`,
				Flags: func(s *flag.FlagSet) {
					s.StringVar(&f.key, "key", "", "`FILE` with the public half of the firmware key")
					s.BoolVar(&f.asJSON, "json", false, "print one JSON object")
				},
				Run: func(_ context.Context, c *command.Call) error { return a.show(c, f) },
			},
		},
	}
}

func (a *app) newKey(c *command.Call, f *flags) error {
	if err := c.Want(0, 0); err != nil {
		return err
	}
	if f.file == "" {
		return c.Wrong("--new is missing")
	}
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	secret, err := private.EncodeKey(key)
	if err != nil {
		return err
	}
	text, err := update.EncodeKey(public)
	if err != nil {
		return err
	}
	if err := private.Create(f.file, secret); err != nil {
		return taken(err)
	}
	if err := create(f.file+".pub", text); err != nil {
		return errors.Join(taken(err), os.Remove(f.file))
	}
	_, err = fmt.Fprintf(a.out, "%s: keep it secret, and a copy of it in a safe place\n%s.pub: for the gates\n", f.file, f.file)
	return err
}

func (a *app) sign(c *command.Call, f *flags) error {
	if err := c.Want(2, 2); err != nil {
		return err
	}
	board, known := update.ParseBoard(f.board)
	switch {
	case f.key == "":
		return c.Wrong("--key is missing")
	case !known:
		return c.Wrong("--board %q: want host, lm3s6965 or a number", f.board)
	case f.version == 0 || f.version > update.MaxVersion:
		return c.Wrong("--version is a number from 1 to %d", update.MaxVersion)
	}
	key, err := private.ReadKey(f.key)
	if err != nil {
		return err
	}
	in, err := read(c.Rest[0])
	if err != nil {
		return err
	}
	if bytes.HasPrefix(in, []byte("\x7fELF")) {
		return hint.Errorf("make a flat one: llvm-objcopy-19 -O binary IN.elf IN.bin", "%s is an ELF file, which no flash holds", c.Rest[0])
	}
	file, err := update.Pack(in, board, uint32(f.version), key)
	if err != nil {
		return err
	}
	if err := create(c.Rest[1], file); err != nil {
		return taken(err)
	}
	v, err := update.Read(file)
	if err != nil {
		return err
	}
	return a.print(c.Rest[1], v, "by this key", false)
}

func (a *app) show(c *command.Call, f *flags) error {
	if err := c.Want(1, 1); err != nil {
		return err
	}
	file, err := read(c.Rest[0])
	if err != nil {
		return err
	}
	v, err := update.Read(file)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Rest[0], err)
	}
	if f.key == "" {
		return a.print(c.Rest[0], v, "not looked at: give --key", f.asJSON)
	}
	text, err := read(f.key)
	if err != nil {
		return err
	}
	key, err := update.DecodeKey(text)
	if err != nil {
		return hint.Errorf("give the public half: image key made it as FILE.pub", "%s: %w", f.key, err)
	}
	_, err = update.Verify(file, key)
	word := "by this key"
	if err != nil {
		word = "wrong"
		err = fmt.Errorf("%s: %w", c.Rest[0], err)
	}
	return errors.Join(a.print(c.Rest[0], v, word, f.asJSON), err)
}

func (a *app) print(name string, v *update.Image, signed string, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(a.out).Encode(map[string]any{
			"file": name, "board": update.BoardName(v.Board), "version": v.Version, "length": v.Length,
			"sha256": fmt.Sprintf("%x", v.Hash), "signature": signed,
		})
	}
	_, err := fmt.Fprintf(a.out, "%s: version %d (%s) for board %s, %d bytes\n  sha256 %x\n  signature %s\n",
		name, v.Version, update.VersionName(v.Version), update.BoardName(v.Board), v.Length, v.Hash, signed)
	return err
}

// read reads a file that is no longer than a signed image can be.
func read(name string) (data []byte, err error) {
	f, err := os.Open(name) //nolint:gosec // the user names it
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	const most = update.MaxImage + 1024
	data, err = io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && len(data) > most {
		err = fmt.Errorf("%s: longer than an image can be, which is %d bytes", name, update.MaxImage)
	}
	return data, err
}

// create writes a file for everybody to read, which may not be there yet.
func create(name string, data []byte) (err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // the user names it, and it holds no secret
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}

func taken(err error) error {
	if errors.Is(err, os.ErrExist) {
		return hint.Errorf("take another name: nothing is overwritten", "%w", err)
	}
	return err
}
