// Package emulator runs the controller's image on an LM3S6965 board that QEMU
// plays, and is the wiring around it: it drives the sensors' pins, sees every
// edge of the outputs, holds the EEPROM in a file, and can do to the board what
// happens to boards: cut its power, let its supply sag, hang its processor.
//
// It speaks no OSDP: the serial line is a socket or a pty for whoever does. It
// checks nothing that a person would check on the real board, and it keeps no
// time for the firmware: the guest's clock is the host's, so a loaded machine
// makes it late. A pin should keep a level for 15 ms or more; what needs exact
// times is tested in firmware/lane, in plain Go.
//
// After a reset of the chip QEMU forgets the level of every input; the package
// puts them back within milliseconds, and until then the firmware sees an open
// fire loop, as it would on a board whose wires were cut.
//
// The serial line has no baud rate, and QEMU waits for whoever is on it: a peer
// that does not read what the controller answers stops the whole board until it
// does or goes.
//
// It is for tests, benches and the demo. It trusts the image and QEMU with the
// rights of the user that runs it.
package emulator
