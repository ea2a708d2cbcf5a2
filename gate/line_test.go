//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/con-ting/conting/testdata/pty"
)

// serialLines are the scan engines of one script, by their device's name:
//
//	engine plug DEVICE
//	engine send DEVICE FILE…   all at once, with CR in place of LF
//	engine unplug DEVICE
type serialLines map[string]*pty.Line

const linesKey = "engines" // of a script's values

func plugEngine(ts *testscript.TestScript, neg bool, args []string) {
	lines, ok := ts.Value(linesKey).(serialLines)
	if !ok {
		ts.Fatalf("no engines in this script")
	}
	if neg || len(args) < 2 {
		ts.Fatalf("usage: engine plug|send|unplug DEVICE [FILE…]")
	}
	device := ts.MkAbs(args[1])
	l := lines[device]
	if (l == nil) != (args[0] == "plug") {
		ts.Fatalf("%s is plugged in: %t", device, l != nil)
	}
	switch args[0] {
	case "plug":
		var err error
		lines[device], err = pty.Plug(device)
		ts.Check(err)
	case "send":
		var all []byte
		for _, name := range args[2:] {
			data, err := os.ReadFile(ts.MkAbs(name))
			ts.Check(err)
			all = append(all, data...)
		}
		_, err := l.Engine.Write(bytes.ReplaceAll(all, []byte("\n"), []byte("\r")))
		ts.Check(err)
	case "unplug":
		delete(lines, device)
		ts.Check(l.Unplug())
	default:
		ts.Fatalf("engine %s?", args[0])
	}
}

// says waits until the running gate says a text of itself: says TEXT.
func says(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: says TEXT")
	}
	ask := func() (string, error) {
		data, err := os.ReadFile(filepath.Join(ts.Getenv("DATA"), "addresses.json"))
		if err != nil {
			return "", err
		}
		var a addresses
		if err := json.Unmarshal(data, &a); err != nil {
			return "", err
		}
		body, err := getPanel(context.Background(), a.Panel, "/healthz")
		return string(body), err
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		body, err := ask()
		if err == nil && strings.Contains(body, args[0]) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("the gate never said %s: %s (%v)", args[0], body, err)
		}
	}
}

// close takes away what a script left plugged in.
func (lines serialLines) close() {
	var errs []error
	for _, l := range lines {
		errs = append(errs, l.Unplug())
	}
	_ = errors.Join(errs...)
}

// engineConfigOf turns a configuration into one whose lane reads a scan engine.
func engineConfigOf(from, to, device string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	text := strings.Replace(string(data), `input = "stdin"`, `input = "serial"`, 1)
	return os.WriteFile(to, []byte(text+"[engine]\ndevice = \""+device+"\"\npause = \"200ms\"\n"), 0o600)
}
