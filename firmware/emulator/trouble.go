package emulator

import (
	"bufio"
	"context"
	"encoding/hex"
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
	loop = 0xE7FE            // b .
	trap = 0xDE00            // udf
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
func (b *Board) Hang(ctx context.Context) error { return b.execute(ctx, loop) }

// Crash makes the processor fault.
func (b *Board) Crash(ctx context.Context) error { return b.execute(ctx, trap) }

// execute makes the processor go on with one instruction that is not its own.
func (b *Board) execute(ctx context.Context, instruction uint16) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if _, err := b.qtest.do(ctx, fmt.Sprintf("writel %#x %#x", spot, uint32(instruction))); err != nil {
		return err
	}
	return b.jump(ctx, spot)
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

// jump sets the program counter through QEMU's debugger port.
func (b *Board) jump(ctx context.Context, to uint32) error {
	conn, err := b.dial(ctx, "unix", b.gdb)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(patience)
	}
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	d := debugger{conn, bufio.NewReader(conn)}
	const pc = 15 * 8 // of the registers' hex, r0 first
	registers, err := d.do("g")
	if err != nil || len(registers) < pc+8 {
		return fmt.Errorf("debugger: %d digits of registers: %w", len(registers), err)
	}
	there := hex.EncodeToString([]byte{byte(to), byte(to >> 8), byte(to >> 16), byte(to >> 24)})
	for _, command := range []string{"G" + registers[:pc] + there + registers[pc+8:], "D"} { // D: detach, and go on
		got, err := d.do(command)
		if err != nil {
			return fmt.Errorf("debugger: %w", err)
		}
		if got != "OK" {
			return fmt.Errorf("debugger: %.1s answers %q", command, got)
		}
	}
	return nil
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
