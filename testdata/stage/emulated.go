package stage

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"time"

	"github.com/con-ting/conting/firmware/emulator"
	"github.com/con-ting/conting/firmware/emulator/rig"
	"github.com/con-ting/conting/firmware/keep"
	"github.com/con-ting/conting/firmware/lane"
)

// emulated is a board that QEMU plays.
type emulated struct {
	*emulator.Board
}

// Emulate makes a turnstile whose controller is the firmware's image on the board
// that QEMU plays. Where there is no QEMU, or no image, the error wraps [ErrMissing].
func (s *Stage) Emulate(ctx context.Context, name, image string) (*Turnstile, error) {
	if err := emulator.Available(); err != nil {
		return nil, err
	}
	if err := there(image); err != nil {
		return nil, err
	}
	memory := filepath.Join(s.Dir, "turnstile-"+name+".eeprom")
	made := false
	return s.newTurnstile(ctx, name, func(ctx context.Context, _ *Turnstile, key [16]byte, line string) (board, error) {
		if !made {
			settings := keep.Settings{Address: turnstileAddress, Serial: 1, Baud: 115200, Key: key}
			if _, err := rand.Read(settings.Seed[:]); err != nil {
				return nil, err
			}
			if err := rig.Provision(memory, settings); err != nil {
				return nil, err
			}
			made = true
		}
		b, err := emulator.Boot(ctx, emulator.Config{Image: image, EEPROM: memory, Line: line, Levels: uint16(lane.AllWell)})
		if err != nil {
			return nil, err
		}
		return emulated{b}, nil
	})
}

// there returns an error that wraps [ErrMissing] where there is no such file.
func there(name string) error {
	if _, err := os.Stat(name); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: %w", name, ErrMissing)
	} else if err != nil {
		return err
	}
	return nil
}

func (b emulated) set(ctx context.Context, pin lane.Inputs, high bool) error {
	return b.Set(ctx, bits.TrailingZeros8(uint8(pin)), high)
}

func (b emulated) levels(ctx context.Context) (lane.Outputs, error) {
	o, err := b.Outputs(ctx)
	return lane.Outputs(o), err
}

func (b emulated) mark() int { return b.Mark() }

func (b emulated) await(ctx context.Context, mark int, fits func(lane.Outputs) bool) (time.Time, error) {
	e, err := b.Await(ctx, mark, func(e emulator.Edge) bool { return !e.Reset && fits(lane.Outputs(e.Outputs)) })
	return e.At, err
}

func (b emulated) close() error { return b.Close() }
