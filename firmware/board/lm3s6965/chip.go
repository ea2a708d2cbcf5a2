//go:build tinygo && lm3s6965

package lm3s6965

// void Default_Handler(void);
import "C"

import (
	"device/arm"
	"runtime/volatile"
	"unsafe"
)

// Peripherals, by base address (LM3S6965 data sheet, table 2-1).
const (
	watchdog = 0x40000000
	portA    = 0x40004000
	portB    = 0x40005000
	portC    = 0x40006000
	portD    = 0x40007000
	uart0    = 0x4000C000
	i2c0     = 0x40020000
	portF    = 0x40025000
	timer0   = 0x40030000
	sysctl   = 0x400FE000
)

// Interrupts, by number.
const (
	irqPortA  = 0
	irqPortC  = 2
	irqUART0  = 5
	irqTimer0 = 19
)

// hertz is the clock of the core and of every peripheral.
const hertz = 50_000_000

// spins bounds every wait for a bit of hardware: some milliseconds.
const spins = 50_000

// Board is the one board that there is.
type Board struct{}

func reg(address uintptr) *volatile.Register32 {
	return (*volatile.Register32)(unsafe.Pointer(address))
}

// until waits for the bits of a register, within bounds.
func until(r *volatile.Register32, bits, want uint32) bool {
	for range spins {
		if r.Get()&bits == want {
			return true
		}
	}
	return false
}

// Start brings up clocks, pins, the serial line, the timers and the watchdog, with
// every output low.
func (Board) Start() {
	learnReason()
	startClock()
	reg(sysctl + 0x100).SetBits(1 << 3)            // RCGC0: watchdog
	reg(sysctl + 0x104).SetBits(1 | 1<<12 | 1<<16) // RCGC1: UART0, I²C0, timer 0
	reg(sysctl + 0x108).SetBits(0x7F)              // RCGC2: ports A to G
	reg(sysctl + 0x108).Get()                      // the clocks need three cycles
	reg(sysctl + 0x108).Get()
	startPins()
	startI2C()
	startTime()
	arm.NVIC.ISER[0].Set(1<<irqPortA | 1<<irqPortC | 1<<irqUART0 | 1<<irqTimer0)
	startWatchdog()
}

// startClock runs the core at 50 MHz off the PLL and the kit's 8 MHz crystal.
// Should the PLL not lock, the chip goes on at the crystal's pace: too slow for
// the line, and the panel sees no device.
func startClock() {
	const (
		bypass, usediv = 1 << 11, 1 << 22
		pwrdn, moscdis = 1 << 13, 1 << 0
		locked         = 1 << 6
	)
	rcc := reg(sysctl + 0x60)
	v := rcc.Get()&^usediv | bypass
	rcc.Set(v)
	v = v&^(0xF<<23|0xF<<6|0x3<<4|pwrdn|moscdis) | 3<<23 | 0xE<<6 // 200 MHz / 4, 8 MHz, main oscillator
	rcc.Set(v)
	rcc.Set(v | usediv)
	if until(reg(sysctl+0x50), locked, locked) {
		rcc.Set((v | usediv) &^ bypass)
	}
}

// Sleep waits for the next interrupt, at most 2 ms, unless ready is true or bytes
// have come in. The check is done with interrupts masked: one that comes after
// it still wakes.
func (Board) Sleep(ready bool) {
	arm.Asm("cpsid i")
	if !ready && !received() {
		arm.Asm("wfi")
	}
	arm.Asm("cpsie i")
}
