package emulator

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"time"
)

// Addresses of the chip.
const (
	resetCause = 0x400FE05C
	brownOut   = 1 << 2

	ramStart  = 0x20000000
	stackSize = 2048

	spot = ramStart + 0xFF00 // in RAM that the firmware does not use
	wake = 0xB662_BF00       // nop; cpsie i: it may have slept with interrupts off
	loop = 0xE7FE            // b .
	trap = 0xDE00            // udf
	back = 0xF000F8DF        // ldr.w pc, [pc]: to where the next word says
)

// BrownOut resets the chip as a supply does that sagged: its cause register says
// so, and its RAM is as it was.
func (b *Board) BrownOut(ctx context.Context) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if _, err := b.qtest.do(ctx, fmt.Sprintf("writel %#x %d", resetCause, brownOut)); err != nil {
		return err
	}
	_, err := b.qmp.do(ctx, "system_reset", nil)
	return err
}

// Hang makes the processor run in a circle, interrupts and all, as a fault in
// the software would: only the watchdog ends that.
func (b *Board) Hang(ctx context.Context) error {
	_, err := b.execute(ctx, loop)
	return err
}

// Crash makes the processor fault.
func (b *Board) Crash(ctx context.Context) error {
	_, err := b.execute(ctx, trap)
	return err
}

// Stall is a Hang that ends after during, with the software where it was. When
// that takes longer than the watchdog waits, the board starts anew instead.
func (b *Board) Stall(ctx context.Context, during func() error) error {
	from, err := b.execute(ctx, loop)
	if err != nil {
		return err
	}
	err = during()
	ctx, cancel := bounded(ctx)
	defer cancel()
	return errors.Join(err, b.poke(ctx, spot+4, from|1), b.poke(ctx, spot, back))
}

func (b *Board) poke(ctx context.Context, at, word uint32) error {
	_, err := b.qtest.do(ctx, fmt.Sprintf("writel %#x %#x", at, word))
	return err
}

// execute makes the processor go on with one instruction that is not its own,
// and returns where it was.
func (b *Board) execute(ctx context.Context, instruction uint16) (from uint32, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if err := b.poke(ctx, spot-4, wake); err != nil {
		return 0, err
	}
	if err := b.poke(ctx, spot, uint32(instruction)); err != nil {
		return 0, err
	}
	return b.jump(ctx, spot-4)
}

// StackUsed is the most bytes of stack that the firmware has used since Boot:
// QEMU's RAM starts as zeros.
func (b *Board) StackUsed(ctx context.Context) (int, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	for at := range stackSize / 4 {
		v, err := b.qtest.read(ctx, uint32(ramStart+4*at))
		if err != nil {
			return 0, err
		}
		if v != 0 {
			return stackSize - 4*at, nil
		}
	}
	return 0, nil
}

// jump sets the program counter through QEMU's debugger port, and returns what it
// was.
func (b *Board) jump(ctx context.Context, to uint32) (from uint32, err error) {
	conn, err := b.dial(ctx, "unix", b.gdb)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(patience)
	}
	if err := conn.SetDeadline(deadline); err != nil {
		return 0, err
	}
	d := debugger{conn, bufio.NewReader(conn)}
	const pc = 15 * 8 // of the registers' hex, r0 first
	registers, err := d.do("g")
	if err != nil || len(registers) < pc+8 {
		return 0, fmt.Errorf("debugger: %d digits of registers: %w", len(registers), err)
	}
	was, err := hex.DecodeString(registers[pc : pc+8])
	if err != nil {
		return 0, fmt.Errorf("debugger: registers: %w", err)
	}
	there := hex.EncodeToString(binary.LittleEndian.AppendUint32(nil, to))
	for _, command := range []string{"G" + registers[:pc] + there + registers[pc+8:], "D"} { // D: detach, and go on
		got, err := d.do(command)
		if err != nil {
			return 0, fmt.Errorf("debugger: %w", err)
		}
		if got != "OK" {
			return 0, fmt.Errorf("debugger: %.1s answers %q", command, got)
		}
	}
	return binary.LittleEndian.Uint32(was), nil
}

// debugger speaks GDB's remote protocol.
type debugger struct {
	conn net.Conn
	in   *bufio.Reader
}

func (d debugger) do(command string) (string, error) {
	sum := byte(0)
	for i := range len(command) {
		sum += command[i]
	}
	if _, err := fmt.Fprintf(d.conn, "$%s#%02x", command, sum); err != nil {
		return "", err
	}
	for {
		if _, err := d.in.ReadString('$'); err != nil {
			return "", err
		}
		got, err := d.in.ReadString('#')
		if err != nil {
			return "", err
		}
		if _, err := d.in.Discard(2); err != nil {
			return "", err
		}
		if _, err := d.conn.Write([]byte{'+'}); err != nil {
			return "", err
		}
		if got[0] != 'T' { // that it has stopped for us is told unasked
			return got[:len(got)-1], nil
		}
	}
}
