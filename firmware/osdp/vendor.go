package osdp

// Everything of our own travels in MFG and MFGREP, inside Secure Channel only,
// and begins with four bytes:
//
//	0–2  02 43 54: not a registered OUI but, by its second-lowest bit, a locally
//	     administered one
//	3    what follows: see MFG… below
//
// Numbers have their low byte first. A reader must take data that are longer
// than it knows, and ignore the rest: that is how fields are added.
const vendorHeader = 4

// Vendor is the vendor code of our MFG and MFGREP.
const Vendor = "\x02CT"

// What our MFG and MFGREP carry.
const (
	MfgOrder   = 0x01 // to the device: an [Order]; answered by MfgOutcome
	MfgConfirm = 0x02 // to the device: a [Confirm]; answered by ACK
	MfgAsk     = 0x03 // to the device: nothing; answered by MfgReport
	MfgImages  = 0x04 // to the device: nothing; answered by MfgHolds
	MfgRestart = 0x05 // to the device: nothing; answered by ACK, then the staged image starts

	MfgPassage = 0x80 // to the panel, in answer to a POLL: a [Passage]
	MfgOutcome = 0x81 // to the panel: an [Outcome]
	MfgReport  = 0x83 // to the panel: a [Report]
	MfgHolds   = 0x84 // to the panel: an [Images]
)

// VendorKind tells what the data of MFG or MFGREP carry; ok is false when they
// are another vendor's.
func VendorKind(d []byte) (kind byte, ok bool) {
	if len(d) < vendorHeader || d[0] != Vendor[0] || d[1] != Vendor[1] || d[2] != Vendor[2] {
		return 0, false
	}
	return d[3], true
}

// open returns dst past the header that it writes, or nil when size more bytes
// do not fit.
func open(dst []byte, kind byte, size int) []byte {
	if len(dst) < vendorHeader+size {
		return nil
	}
	copy(dst, Vendor)
	dst[3] = kind
	return dst[vendorHeader:]
}

// content returns what follows the header, or nil when d carries something else
// or less than size bytes.
func content(d []byte, kind byte, size int) []byte {
	if k, ok := VendorKind(d); !ok || k != kind || len(d) < vendorHeader+size {
		return nil
	}
	return d[vendorHeader:]
}

// PutAsk writes the data of a MfgAsk to dst and returns their length, 4, or 0
// when they do not fit.
func PutAsk(dst []byte) int { return putBare(dst, MfgAsk) }

// putBare writes a command that says no more than what it is.
func putBare(dst []byte, kind byte) int {
	if open(dst, kind, 0) == nil {
		return 0
	}
	return vendorHeader
}
