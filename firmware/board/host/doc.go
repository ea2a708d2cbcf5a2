// Package host is a controller's board made of this machine: its pins are words
// that somebody types or a program sends, its serial line is a socket or a pty,
// its memory and its flash are files or nothing. It is for trying panels without hardware.
//
// It decides nothing, and holds no lock of any kind. Whoever reaches the line is
// a panel and must know the key; whoever reaches the control line is a person at
// the gate, and is believed.
//
// An image in its flash is stored, checked, started and given up as on a chip, and
// its version is told; what runs is this program all the same.
//
// # Control line
//
// Lines of text, one command each; the answer ends with a line "ok" or "error …".
//
//	set PIN 0|1        drive an input; PIN is one of the names below
//	walk in|out        somebody walks through; takes a second or so
//	back in|out        somebody goes in and comes back out
//	get                the levels: "inputs NAME=0|1 …" and "outputs NAME=0|1 …"
//	watch              from now on, "outputs …" at each change
//
// Inputs: home, clear_a, clear_b, loop_closed, cover_closed, power_good,
// key_turned. Outputs: hold_a, hold_b, green_a, red_a, green_b, red_b, buzzer,
// ready. They start as a lane at rest, with everything well.
package host
