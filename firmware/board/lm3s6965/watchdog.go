//go:build tinygo && lm3s6965

package lm3s6965

import "runtime/volatile"

// Cause is why the chip started.
type Cause uint8

// The causes.
const (
	PowerOn Cause = iota
	BrownOut
	Watchdog // the loop stood still
	Fault    // the processor trapped
	Asked    // the software or the reset pin asked for it
)

const (
	unlock = 0x1ACCE551

	wdtLoad = 0x000
	wdtCtl  = 0x008
	wdtICR  = 0x00C
	wdtLock = 0xC00
)

// TimeoutMS is how long the loop may stand still before the chip is reset.
const TimeoutMS = 500

// The mark is in RAM that no start clears: after power-on it is noise, after a
// reset it is as it was left.
//
//go:section .noinit
var mark [2]volatile.Register32

const (
	markRunning = 0x52554E21
	markFault   = 0x46415521
)

var cause Cause // set by learnReason, before the loop

func learnReason() {
	resc := reg(sysctl + 0x5C)
	bits := resc.Get()
	resc.Set(0)
	seen := mark[0].Get()
	known := mark[1].Get() == ^seen
	switch {
	case known && seen == markFault:
		cause = Fault
	case bits&(1<<3) != 0:
		cause = Watchdog
	case bits&(1<<2) != 0 && bits&(1<<1) == 0:
		cause = BrownOut
	case bits&(1<<1) != 0:
		cause = PowerOn
	case bits&(1<<0|1<<4) != 0:
		cause = Asked
	case known && seen == markRunning:
		cause = Watchdog
	}
	setMark(markRunning)
}

func setMark(v uint32) {
	mark[0].Set(v)
	mark[1].Set(^v)
}

// Reason says why the chip started.
func (Board) Reason() Cause { return cause }

// startWatchdog: the first half of the time-out raises an interrupt that nobody
// takes, the second resets.
func startWatchdog() {
	reg(watchdog + wdtLock).Set(unlock)
	reg(watchdog + wdtLoad).Set(hertz / 1000 * TimeoutMS / 2)
	reg(watchdog + wdtCtl).Set(3)
	reg(watchdog + wdtLock).Set(1)
}

// Feed tells the watchdog that the loop is alive. Only the loop may call it, and
// only after the lane had its turn.
func (Board) Feed() {
	reg(watchdog + wdtLock).Set(unlock)
	reg(watchdog + wdtICR).Set(1)
	reg(watchdog + wdtLock).Set(1)
}

// Restart resets the chip on purpose.
func (Board) Restart() {
	setMark(0)
	reset()
}

func reset() {
	reg(0xE000ED0C).Set(0x05FA0004) // AIRCR: SYSRESETREQ
	for {
	}
}

//export Fault_Handler
func fault() {
	setMark(markFault)
	reset()
}
