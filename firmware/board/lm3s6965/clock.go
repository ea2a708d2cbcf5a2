//go:build tinygo && lm3s6965

package lm3s6965

import "device/arm"

const (
	reload = 0xFFFFFF // 335 ms
	perMS  = hertz / 1000
)

// owned by the loop
var last, cycles, millis uint32

func startTime() {
	arm.SYST.SYST_RVR.Set(reload)
	arm.SYST.SYST_CVR.Set(0)
	arm.SYST.SYST_CSR.Set(5) // no interrupt: it is only read
	for range spins {
		if last = arm.SYST.SYST_CVR.Get(); last != 0 {
			break
		}
	}
	reg(timer0 + 0x04).Set(2) // periodic
	reg(timer0 + 0x28).Set(2 * perMS)
	reg(timer0 + 0x18).Set(1)
	reg(timer0 + 0x0C).Set(1)
}

// Now is milliseconds since Start; it wraps after 49 days.
func (Board) Now() uint32 {
	v := arm.SYST.SYST_CVR.Get()
	cycles += (last - v) & reload
	last = v
	millis += cycles / perMS
	cycles %= perMS
	return millis
}

//export TIMER0A_Handler
func wake() { reg(timer0 + 0x24).Set(1) }
