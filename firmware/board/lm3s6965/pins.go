//go:build tinygo && lm3s6965

package lm3s6965

// Offsets of a port's registers.
const (
	pinData = 0x3FC // all eight pins
	pinDir  = 0x400
	pinBoth = 0x408 // interrupt on both edges
	pinIM   = 0x410
	pinICR  = 0x41C
	pinAlt  = 0x420
	pinODR  = 0x50C
	pinPUR  = 0x510
	pinPDR  = 0x514
	pinDEN  = 0x51C
)

const (
	inputsA = 0xFC // PA2…PA7
	inputsC = 0xF0 // PC4…PC7; PC0…PC3 are JTAG
	driver  = 1 << 2
)

func startPins() {
	for _, p := range [...]struct {
		port uintptr
		pins uint32
	}{{portA, inputsA}, {portC, inputsC}} {
		reg(p.port + pinPDR).SetBits(p.pins) // a cut wire reads 0
		reg(p.port + pinDEN).SetBits(p.pins)
		reg(p.port + pinBoth).SetBits(p.pins)
		reg(p.port + pinICR).Set(p.pins)
		reg(p.port + pinIM).SetBits(p.pins)
	}
	reg(portA + pinAlt).SetBits(0x03) // UART0
	reg(portA + pinDEN).SetBits(0x03)
	reg(portB + pinAlt).SetBits(0x0C) // I²C0, open drain with pull-ups
	reg(portB + pinODR).SetBits(0x0C)
	reg(portB + pinPUR).SetBits(0x0C)
	reg(portB + pinDEN).SetBits(0x0C)
	reg(portD + pinData).Set(0)
	reg(portD + pinDir).Set(0xFF)
	reg(portD + pinDEN).Set(0xFF)
	reg(portF + pinDir).SetBits(driver)
	reg(portF + pinDEN).SetBits(driver)
}

// Inputs reads the ten inputs, bit n being input n.
func (Board) Inputs() uint16 {
	return uint16(reg(portA+pinData).Get()&inputsA>>2 | reg(portC+pinData).Get()&inputsC<<2)
}

// Drive sets the eight outputs, bit n being output n.
func (Board) Drive(levels uint8) { reg(portD + pinData).Set(uint32(levels)) }

// An edge wakes the loop; that is all the handlers do.

//export GPIOA_Handler
func edgeA() { reg(portA + pinICR).Set(0xFF) }

//export GPIOC_Handler
func edgeC() { reg(portC + pinICR).Set(0xFF) }
