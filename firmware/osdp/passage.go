package osdp

// Vendor is the vendor code that starts the data of our MFG and MFGREP. It is
// not a registered OUI: it has the bit that marks a locally administered one.
var vendor = [3]byte{0x02, 'C', 'T'}

// A passage event goes from the device to the panel as the MFGREP that answers
// a POLL, one a poll, oldest first:
//
//	0–2   02 43 54, the vendor
//	3     01, a passage event
//	4–5   number, low byte first: one more than the event's before it, 65535 is
//	      followed by 0. A number that is skipped is an event that the device had
//	      to forget; the panel must show the gap.
//	6–7   boot counter, low byte first: with another boot the numbers start anew
//	8     kind, as firmware/lane numbers them
//	9     side: 0 none, 1 A to B, 2 B to A
//	10–11 grant, low byte first: the grant that it ends; 0 for none
//	12–15 device time of the event, ms since boot, low byte first, wraps
//	16–17 flags, low byte first, as firmware/lane defines them
//
// The device sends it again with the next poll until a later command proves
// that the panel has it (see [Command.Confirmed]); a panel drops what it has.
const passageSize = 18

// Passage is one thing that happened at the lane.
type Passage struct {
	Number uint16
	Boot   uint16
	Kind   byte
	Side   byte
	Grant  uint16
	MS     uint32
	Flags  uint16
}
