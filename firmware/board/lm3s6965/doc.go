// Package lm3s6965 is the controller's board around a TI (Luminary Micro)
// LM3S6965, a Cortex-M3 with 256 KiB of flash and 64 KiB of RAM: registers,
// interrupt vectors, run-time stubs and the linker script. It is the board of
// Stellaris' LM3S6965 evaluation kit as QEMU plays it (-M lm3s6965evb).
//
// It knows pins, bytes and milliseconds, not what they mean: lanes and packets
// are decided above it. It starts nothing by itself and never waits without a
// bound. It allocates nothing. Being hardware, its state is global; one loop
// owns all of it, the interrupt handlers touch the receive ring and their
// peripheral's flags only.
//
// # Wiring
//
//	PA0 PA1   UART0 receive and transmit: OSDP, 8N1
//	PF2       driver enable of the RS-485 transceiver, high while sending
//	PB2 PB3   I²C clock and data: a 24C32 EEPROM (4 KiB) at address 0x50
//	PA2…PA7   inputs 0 to 5    } levels as wired; see firmware/controller for
//	PC4…PC7   inputs 6 to 9    } what each means. All are fail-safe: a cut wire
//	                             reads as the safe side. PC0…PC3 stay JTAG.
//	PD0…PD7   outputs 0 to 7, active high, low during and after reset
//
// All outputs sit on one port because QEMU shows the edges of one device only.
//
// # Time
//
// [Board.Now] is read off the free-running SysTick counter, so that an interrupt that
// came late loses no time; the loop must call it every 300 ms at least, which
// the watchdog makes sure of. Timer 0 only wakes the loop every 2 ms.
//
// # Watchdog and boot reason
//
// The loop calls [Board.Feed] once a turn. A loop that stands still for 500 ms is
// reset. A fault (a trap of the compiler's bounds checks too) resets at once.
// [Board.Reason] says what the reset was; a mark in RAM that survives a reset tells a
// fault from a watchdog, and fills in where the chip's own register says
// nothing, as in QEMU.
//
// # Secrets
//
// Settings and the Secure Channel key are in the EEPROM, in the form of
// firmware/keep. Whoever opens the cabinet can read them off the bus; the tamper
// contact tells the gate, and the key is good for this one lane. The chip has no
// source of entropy: nonces are derived from a secret seed beside the key and
// the number of boots (firmware/keep), never from a clock or a constant.
//
// # A second board
//
// Another board is another folder beside this one: the functions of this package
// with the same names and meanings (Start, Now, Inputs, Drive, Receive, Send,
// Feed, Sleep, Reason, Read, Write), a target.json with its build
// tag, a linker script, and a file in firmware/cmd/controller that is built
// under that tag. Nothing else changes. A chip with a random number generator
// mixes it into the nonces; a chip with lockable flash keeps the key there.
//
// # Unproven
//
// All of this ran in QEMU only. What QEMU does not model and nobody has measured:
// the PLL's start, the UART's baud rate and the turn of the RS-485 driver, I²C
// timing, EEPROM write cycles and wear, brown-out, the chip's reset-cause
// register, electrical noise on the inputs. A lock must not depend on this
// processor to release in a fire: the loop also cuts the lock's supply.
package lm3s6965
