package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/pass"
)

// asked is what a dry run is about: the text of a pass, or a packed presentation.
type asked struct {
	text   string
	packed []byte
	nonce  *pass.Nonce // that was shown; nil is none
	at     time.Time
}

// wantPasses checks the arguments: one pass, or the parts of one presentation.
func (c *call) wantPasses() error {
	switch {
	case *c.parts != "":
		return c.Want(0, 0)
	case len(c.Rest) > 0 && isPart(c.Rest[0]):
		return c.Want(1, pass.MaxParts)
	}
	return c.Want(1, 1)
}

func isPart(text string) bool {
	_, err := pass.ParsePart(text)
	return !errors.Is(err, pass.ErrForeign)
}

// asked reads what the call is about.
func (a *app) asked(c *call) (asked, error) {
	var out asked
	if *c.nonce != "" {
		n, err := pass.ParseNonce(*c.nonce)
		if err != nil {
			return asked{}, c.Wrong("--nonce: %s", err)
		}
		out.nonce = &n
	}
	texts := c.Rest
	var err error
	if *c.parts != "" {
		texts, err = a.partTexts(*c.parts)
	} else {
		out.text, err = a.passText(c.Rest[0])
		if err == nil && len(c.Rest) == 1 {
			texts = []string{out.text}
		}
	}
	if err == nil && (*c.parts != "" || isPart(out.text)) {
		out.packed, err = assemble(texts)
	}
	return out, err
}

// passText returns the argument, or one line of standard input for "-".
func (a *app) passText(arg string) (string, error) {
	if arg != "-" {
		return arg, nil
	}
	b, err := io.ReadAll(io.LimitReader(a.in, pass.MaxText+3))
	if err != nil {
		return "", fmt.Errorf("read pass: %w", err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

// maxPartsFile bounds a file of parts, in which a film of them may stand more
// than once.
const maxPartsFile = 64 << 10

// partTexts reads the lines of a file, or of standard input for "-".
func (a *app) partTexts(name string) ([]string, error) {
	in := a.in
	if name != "-" {
		f, err := os.Open(name) //nolint:gosec // the operator's own choice
		if err != nil {
			return nil, fmt.Errorf("read parts: %w", err)
		}
		defer func() { _ = f.Close() }() // it was only read
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxPartsFile))
	if err != nil {
		return nil, fmt.Errorf("read parts: %w", err)
	}
	return slices.DeleteFunc(strings.Split(strings.ReplaceAll(string(b), "\r", ""), "\n"), func(s string) bool { return s == "" }), nil
}

// assemble puts the parts of a presentation together. Texts after the last
// missing one are not looked at.
func assemble(texts []string) ([]byte, error) {
	var parts pass.Assembler
	var at time.Time // all at once
	for i, text := range texts {
		p, err := pass.ParsePart(text)
		if err != nil {
			return nil, fmt.Errorf("part %d: %w", i+1, err)
		}
		packed, err := parts.Add(p, at)
		if err != nil {
			return nil, hint.Errorf("give the parts of one presentation", "part %d: %w", i+1, err)
		}
		if packed != nil {
			return packed, nil
		}
	}
	have, total := parts.Progress(at)
	return nil, hint.Errorf("give all of them, in any order", "%d of %d parts of the presentation are there: %w", have, total, pass.ErrParts)
}
