// Package controller is what a turnstile's controller does, on whatever board:
// it joins the lane (firmware/lane), the OSDP device (firmware/osdp) and the
// settings (firmware/keep), and runs them one turn after the other.
//
// It decides neither passages nor packets, and knows no chip: a board brings
// pins, a serial line and a memory. It allocates nothing, never waits, and is
// owned by one loop. It trusts its pins; it trusts a panel only inside Secure
// Channel, and never with the fire loop.
//
// # Pins
//
// Inputs are the bits of [lane.Inputs]: 0 rotor home, 1 beam A clear, 2 beam B
// clear, 3 fire loop closed, 4 cover closed, 5 supply good, 6 staff key turned.
// Outputs are those of [lane.Outputs]: 0 and 1 hold A and B, 2 green A, 3 red A,
// 4 green B, 5 red B, 6 buzzer, 7 ready.
//
// # What a panel can do, in OSDP's words
//
// Everything but ID, CAP and POLL takes Secure Channel.
//
//	POLL      the oldest passage event that the panel has not confirmed, as MFGREP;
//	          else ISTATR or LSTATR where an input changed; else ACK
//	ISTAT     seven contacts, in the order above; 1 is the state that is not rest:
//	          rotor away, beam interrupted, loop open, cover open, supply failing,
//	          key turned
//	LSTAT     cover open, supply failing
//	RSTAT     two readers, which are the lamps of side A and side B: both normal
//	OSTAT     two outputs: 1 where a person can pass, into (0) and out of (1)
//	OUT       output 0 is the way in, 1 the way out:
//	          code 5, timed on    one grant, for that time; the answer NAK 9 means
//	                              that the lane did not take it
//	          code 1, off         that way is controlled again, its grants are
//	                              taken back
//	          code 2, on          that way is free
//	          code 3, 4           as 1 and 2, but grants stay
//	          code 0              nothing
//	          code 6, timed off   NAK 9
//	LED       a temporary red on reader 0 (side A) or 1 (side B) lets that lamp
//	          flash; what else lamps show is the lane's
//	BUZ       sounds
//	COMSET    address, and speeds from 9,600 to 230,400; kept
//	KEYSET    kept before it is acknowledged
//	MFG       firmware/osdp's vendor commands
//	FILETRANSFER
//	          another image (kind 80, firmware/update), where the board can take
//	          one; else NAK 3
//
// # Another image
//
// It comes while the lane is at rest: locked or out of service, no grant held, the
// fire loop closed and the supply good. A piece that comes otherwise, and anything
// that disturbs the rest while pieces come, ends the transfer; what came is worth
// nothing then, and what runs goes on. Each turn the lane is stepped first, then at
// most one piece is written (two erasures, 256 bytes) or one slice of the image read
// back. The staged image starts when the board next starts, or when the panel asks
// for that with MfgRestart. It has proved itself once it has run for a minute and a
// panel is on Secure Channel; one that has not by its third start gives way to the
// one before.
//
// # A memory that fails
//
// Without readable settings the controller answers nobody and holds both ways:
// only the fire loop, the key and the sensors work. A save that fails is told
// to the panel as NAK 9, and what was before stands.
//
// COMSET and KEYSET are saved within one turn: on a board with an EEPROM the loop
// stands still for some 15 ms then, and the fire loop is looked at after it.
package controller
