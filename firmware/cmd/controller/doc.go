// Command controller is the program of a turnstile's controller. Built by TinyGo
// for a board (make firmware) it is the image; built by Go for this machine it
// is controller-sim, the same controller with pins made of text, for trying a
// gate or any OSDP panel without hardware. controller-sim is no part of an
// installation: it has no lock, and whoever reaches its control line is a person
// at the gate.
package main
