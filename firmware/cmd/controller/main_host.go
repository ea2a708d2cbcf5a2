//go:build !tinygo

package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/con-ting/conting/firmware/board/host"
	"github.com/con-ting/conting/firmware/controller"
	"github.com/con-ting/conting/firmware/keep"
	"github.com/con-ting/conting/firmware/lane"
	"github.com/con-ting/conting/firmware/osdp"
	"github.com/con-ting/conting/firmware/update"
	"github.com/con-ting/conting/sync/hint"
)

// idle is how long the loop sleeps when nothing happens.
const idle = 2 * time.Millisecond

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, time.Now)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(0)
	case err != nil:
		_, _ = fmt.Fprintf(os.Stderr, "controller-sim: %v\n", err)
		if h := hint.Of(err); h != "" {
			_, _ = fmt.Fprintf(os.Stderr, "hint: %s\n", h)
		}
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	listen, control string
	scbk            string
	memory          string
	provision       string
	address         uint
	serial          uint
	manual          bool
	flash           string
	version         uint
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("controller-sim", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.listen, "listen", "", "serial line: unix:`PATH`, tcp:HOST:PORT or pty")
	f.StringVar(&o.scbk, "scbk", "", "`file` with the Secure Channel key: 32 hex digits, or 16 bytes")
	f.UintVar(&o.address, "address", 0, "address on the line, 0 to 126")
	f.UintVar(&o.serial, "serial", 1, "serial number told to who asks for ID")
	f.StringVar(&o.control, "control", "", "socket that moves the pins, unix:PATH or tcp:HOST:PORT; empty: standard input")
	f.StringVar(&o.memory, "memory", "", "`file` that keeps what a panel sets; empty: nothing is kept")
	f.StringVar(&o.provision, "provision", "", "write a memory image for a board's EEPROM to this `file`, and end")
	f.StringVar(&o.flash, "flash", "", "`file` with the images, so that a panel can send another; empty: it cannot")
	f.UintVar(&o.version, "version", controller.BuiltIn, "firmware version told to who asks for ID, and put into a new --flash")
	f.BoolVar(&o.manual, "manual-restore", false, "stay free after an alarm until the key is turned")
	f.Usage = func() {
		_, _ = fmt.Fprint(stderr, "controller-sim: the turnstile's controller without a turnstile\n\n"+
			"controller-sim --listen unix:PATH|tcp:HOST:PORT|pty --scbk FILE --address N\n\n")
		f.PrintDefaults()
		_, _ = fmt.Fprintln(stderr, "\nPins: set PIN 0|1, walk in|out, back in|out, get, watch. A line at rest needs none of them.")
	}
	if err := f.Parse(args); err != nil {
		return o, err
	}
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("unknown argument %q", f.Arg(0))
	case o.address > 126:
		return o, errors.New("an address is 0 to 126")
	case o.serial > math.MaxUint32:
		return o, errors.New("a serial number has 32 bits")
	case o.version == 0 || o.version > update.MaxVersion:
		return o, fmt.Errorf("a version is 1 to %d", update.MaxVersion)
	case o.scbk == "":
		return o, hint.Errorf("openssl rand -hex 16 > scbk, and give the panel the same", "--scbk is missing")
	case o.listen == "" && o.provision == "":
		return o, hint.Errorf("unix:PATH, tcp:HOST:PORT or pty", "--listen is missing")
	}
	return o, nil
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, now func() time.Time) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	s := keep.Settings{
		Address: byte(o.address), Serial: uint32(o.serial), Baud: controller.DefaultBaud, //nolint:gosec // checked by parse
		ManualRestore: o.manual,
	}
	if s.Key, err = readKey(o.scbk); err != nil {
		return err
	}
	if _, err := rand.Read(s.Seed[:]); err != nil {
		return err
	}
	if s.Key == [16]byte{} || !new(osdp.PD).Init(&osdp.PDConfig{Address: s.Address, Key: s.Key, Nonce: new(keep.Store)}) {
		return hint.Errorf("openssl rand -hex 16 makes one", "%s: this key is the default one or none", o.scbk)
	}
	if o.provision != "" {
		image := keep.Image(s)
		return os.WriteFile(o.provision, image[:], 0o600)
	}
	var memory keep.Memory = host.Provision(s)
	if o.memory != "" {
		file, err := host.OpenFile(o.memory, s)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		memory = file
	}
	start := bootless(uint32(o.version)) //nolint:gosec // checked by parse
	if o.flash != "" {
		flash, err := host.OpenFlash(o.flash, uint32(o.version)) //nolint:gosec // checked by parse
		if err != nil {
			return err
		}
		defer func() { _ = flash.Close() }()
		start = boot(flash)
	}
	return serve(ctx, o, memory, start, stdin, stdout, slog.New(slog.NewTextHandler(stderr, nil)), now)
}

func serve(ctx context.Context, o options, m keep.Memory, start boots, stdin io.Reader, stdout io.Writer, log *slog.Logger, now func() time.Time) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	board, err := host.New(ctx, host.Config{
		Names: host.Names{Inputs: inputs[:], Outputs: outputs[:]},
		Rest:  uint16(lane.AllWell),
		Walk:  [2][]host.Move{through(lane.In), through(lane.Out)},
		Back:  [2][]host.Move{back(lane.In), back(lane.Out)},
		Now:   now,
	})
	if err != nil {
		return err
	}
	line, err := host.Listen(ctx, o.listen)
	if err != nil {
		return err
	}
	failed := make(chan error, 2)
	go func() { failed <- board.Serve(ctx, line, log) }()
	if o.control == "" {
		go func() { _ = board.Control(ctx, stdin, stdout) }() // its end is not ours
	} else {
		control, err := host.Listen(ctx, o.control)
		if err != nil {
			return errors.Join(err, line.Close())
		}
		go func() { failed <- board.ServeControl(ctx, control) }()
	}
	if _, err := fmt.Fprintf(stdout, "listening %s\n", line.Name()); err != nil {
		return err
	}
	err = loop(ctx, board, m, start, log)
	cancel()
	return errors.Join(err, <-failed)
}

// boots is what happens before an image runs: which one it is.
type boots func() (controller.Image, error)

// bootless is a board with one image only.
func bootless(version uint32) boots {
	return func() (controller.Image, error) { return controller.Image{Version: version}, nil }
}

// boot is what the boot code of a chip does, and then the image that it started.
func boot(flash update.Flash) boots {
	return func() (controller.Image, error) {
		slots := new(update.Slots)
		slots.Open(flash, host.Layout())
		slot, ok := slots.Boot()
		if !ok {
			return controller.Image{}, errors.New("no image in the flash can be started")
		}
		return controller.Image{Version: slots.Version(slot), Images: slots}, nil
	}
}

// loop is the controller's main loop, as main_lm3s6965.go has it, and its restarts.
func loop(ctx context.Context, board *host.Board, m keep.Memory, start boots, log *slog.Logger) error {
	for why := lane.PowerOn; ctx.Err() == nil; why = lane.Software {
		image, err := start()
		if err != nil {
			return err
		}
		log.InfoContext(ctx, "image started", slog.Uint64("version", uint64(image.Version)))
		var ctl controller.Controller
		ctl.StartImage(board.Now(), m, why, image)
		for ctx.Err() == nil && !ctl.Leaving() {
			if !ctl.Turn(board, board) {
				board.Wait(ctx, idle)
			}
		}
		board.Reset()
	}
	return nil
}

// readKey reads a key, in hex or as it is.
func readKey(path string) (key [16]byte, err error) {
	raw, err := os.ReadFile(path) //nolint:gosec // the user names it
	if err != nil {
		return key, fmt.Errorf("read the key: %w", err)
	}
	if len(raw) == len(key) {
		return [16]byte(raw), nil
	}
	digits, err := hex.DecodeString(strings.TrimSpace(string(raw)))
	if err != nil || len(digits) != len(key) {
		return key, hint.Errorf("openssl rand -hex 16 makes one", "%s: a key is 32 hex digits or 16 bytes", path)
	}
	return [16]byte(digits), nil
}

// The pins' words, by bit.
var (
	inputs  = [...]string{"home", "clear_a", "clear_b", "loop_closed", "cover_closed", "power_good", "key_turned"}
	outputs = [...]string{"hold_a", "hold_b", "green_a", "red_a", "green_b", "red_b", "buzzer", "ready"}
)

const home, clearA, clearB = 0, 1, 2

// through is somebody who walks through.
func through(way lane.Direction) []host.Move {
	near, far := beams(way)
	return []host.Move{falls(near), falls(home), rises(near), falls(far), rises(home), rises(far)}
}

// back is somebody who goes in and comes back out.
func back(way lane.Direction) []host.Move {
	near, _ := beams(way)
	return []host.Move{falls(near), falls(home), rises(home), rises(near)}
}

func falls(input int) host.Move { return host.Move{Input: input} }
func rises(input int) host.Move { return host.Move{Input: input, High: true} }

func beams(way lane.Direction) (near, far int) {
	if way == lane.Out {
		return clearB, clearA
	}
	return clearA, clearB
}
