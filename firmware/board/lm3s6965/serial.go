//go:build tinygo && lm3s6965

package lm3s6965

import "runtime/volatile"

// Offsets and bits of the UART's registers.
const (
	uartFR   = 0x18
	uartIBRD = 0x24
	uartFBRD = 0x28
	uartLCRH = 0x2C
	uartCTL  = 0x30
	uartIFLS = 0x34
	uartIM   = 0x38
	uartICR  = 0x44

	frBusy, frRXEmpty, frTXFull = 1 << 3, 1 << 4, 1 << 5
	intRX, intTX, intIdle       = 1 << 4, 1 << 5, 1 << 6
	ctlEnable, ctlTXOn, ctlRXOn = 1 << 0, 1 << 8, 1 << 9
	lineFIFO, line8bits         = 1 << 4, 3 << 5
)

// The rings hold a power of two of bytes. While the receive ring is full its
// interrupt is off, so that a line that never falls silent cannot keep the loop
// from its turn; what the chip's own FIFO cannot hold then is lost, and the
// packet it belongs to fails its check and is asked again.
const (
	inSize  = 256
	outSize = 512 // more than the longest reply
)

var (
	in   [inSize]volatile.Register8
	inAt volatile.Register8 // next to write; owned by serial
	inTo volatile.Register8 // next to read; owned by the loop

	full volatile.Register8 // the interrupt is off; serial sets it, the loop clears it

	out        [outSize]uint8 // owned by the loop, as what follows
	outAt      uint16
	outTo      uint16
	driverIsOn bool
)

// SetBaud sets the line's pace; a reply that is still leaving goes at the old one.
func (Board) SetBaud(baud uint32) {
	if baud == 0 {
		return
	}
	until(reg(uart0+uartFR), frBusy, 0)
	reg(uart0 + uartCTL).Set(0)
	divisor := (hertz*4 + baud/2) / baud // in 64ths: hertz / (16 × baud)
	reg(uart0 + uartIBRD).Set(divisor >> 6)
	reg(uart0 + uartFBRD).Set(divisor & 63)
	reg(uart0 + uartLCRH).Set(line8bits | lineFIFO)
	reg(uart0 + uartIFLS).Set(0) // at one eighth of either FIFO
	reg(uart0 + uartIM).Set(intRX | intIdle | intTX)
	reg(uart0 + uartCTL).Set(ctlEnable | ctlTXOn | ctlRXOn)
}

// serial answers the interrupt before it empties the FIFO, so that a byte that
// comes in between asks again.
//
//export UART0_Handler
func serial() {
	reg(uart0 + uartICR).Set(0x7FF)
	for reg(uart0+uartFR).Get()&frRXEmpty == 0 {
		at := inAt.Get()
		if at+1 == inTo.Get() {
			full.Set(1)
			reg(uart0 + uartIM).Set(0)
			break
		}
		in[at].Set(uint8(reg(uart0).Get()))
		inAt.Set(at + 1)
	}
}

func received() bool { return inAt.Get() != inTo.Get() }

// Receive takes the next byte off the line; ok is false when there is none.
func (Board) Receive() (b byte, ok bool) {
	at := inTo.Get()
	if at == inAt.Get() {
		return 0, false
	}
	b = in[at].Get()
	inTo.Set(at + 1)
	if full.Get() != 0 {
		// A FIFO that is not emptied may ask no more: the loop does it, in the
		// interrupt's place and while that is off.
		full.Set(0)
		if serial(); full.Get() == 0 {
			reg(uart0 + uartIM).Set(intRX | intIdle | intTX)
		}
	}
	return b, true
}

// Send takes a whole packet for the line and returns at once; [Board.Pump] moves it.
// It returns false, and takes nothing, where it does not fit.
func (board Board) Send(packet []byte) bool {
	if len(packet) > outSize-int(outAt-outTo) {
		return false
	}
	for _, b := range packet {
		out[outAt%outSize] = b
		outAt++
	}
	board.Pump()
	return true
}

// Pump moves waiting bytes to the transmitter and turns the line's driver on and
// off. The loop calls it every turn; it never waits.
func (Board) Pump() {
	if outAt != outTo && !driverIsOn {
		reg(portF + pinData).SetBits(driver)
		driverIsOn = true
	}
	for outAt != outTo && reg(uart0+uartFR).Get()&frTXFull == 0 {
		reg(uart0).Set(uint32(out[outTo%outSize]))
		outTo++
	}
	if outAt == outTo && driverIsOn && reg(uart0+uartFR).Get()&frBusy == 0 {
		reg(portF + pinData).ClearBits(driver)
		driverIsOn = false
	}
}

// Sending is true until the last stop bit has left.
func (Board) Sending() bool { return driverIsOn }
