//go:build tinygo && lm3s6965

package lm3s6965

// Offsets and bits of the I²C master's registers.
const (
	i2cMSA  = 0x00
	i2cMCS  = 0x04
	i2cMDR  = 0x08
	i2cMTPR = 0x0C
	i2cMCR  = 0x20

	run, begin, stop, ack = 1, 2, 4, 8
	busy, failed          = 1, 2 | 4 | 8 | 16
)

const (
	device = 0x50 << 1

	// EEPROMSize is what the board has, in bytes.
	EEPROMSize = 4096

	// PageSize is what one write cycle of the EEPROM takes at most.
	PageSize = 32
)

func startI2C() {
	reg(i2c0 + i2cMCR).Set(0x10)
	reg(i2c0 + i2cMTPR).Set(hertz/(2*10*400_000) - 1) // 400 kHz
}

// turn runs one byte over the bus; false when nobody acknowledged.
func turn(how uint32) bool {
	mcs := reg(i2c0 + i2cMCS)
	mcs.Set(how)
	if !until(mcs, busy, 0) {
		return false
	}
	if v := mcs.Get(); v&2 != 0 {
		if v&16 == 0 {
			mcs.Set(stop)
		}
		return false
	}
	return true
}

func put(b byte, how uint32) bool {
	reg(i2c0 + i2cMDR).Set(uint32(b))
	return turn(how)
}

// address selects a cell. A chip that is still writing does not answer: asked
// again for some 10 ms, and no longer.
func address(at uint16, last uint32) bool {
	for range 400 {
		reg(i2c0 + i2cMSA).Set(device)
		if put(byte(at>>8), run|begin) {
			return put(byte(at), run|last)
		}
	}
	return false
}

// Read fills dst from cell at on. False means that the chip does not
// answer; then dst is worth nothing. It takes 30 µs a byte.
func (Board) Read(at uint16, dst []byte) bool {
	if int(at)+len(dst) > EEPROMSize || !address(at, stop) {
		return false
	}
	reg(i2c0 + i2cMSA).Set(device | 1)
	for i := range dst {
		how := uint32(run)
		if i == 0 {
			how |= begin
		}
		if i == len(dst)-1 {
			how |= stop
		} else {
			how |= ack
		}
		if !turn(how) {
			return false
		}
		dst[i] = byte(reg(i2c0 + i2cMDR).Get())
	}
	return true
}

// Write stores src from cell at on; it must not cross a page. The chip goes
// on for 5 ms by itself: who must be sure reads back. It takes 30 µs a byte.
func (Board) Write(at uint16, src []byte) bool {
	if len(src) == 0 || int(at)%PageSize+len(src) > PageSize || int(at)+len(src) > EEPROMSize || !address(at, 0) {
		return false
	}
	for i, b := range src {
		how := uint32(run)
		if i == len(src)-1 {
			how |= stop
		}
		if !put(b, how) {
			return false
		}
	}
	return true
}
