package osdp

const identitySize = 12

// Put writes the data of PDID to dst and returns their length, 12, or 0 when
// they do not fit.
func (id *Identity) Put(dst []byte) int {
	if len(dst) < identitySize {
		return 0
	}
	copy(dst, id.Vendor[:])
	dst[3], dst[4] = id.Model, id.Version
	put32(dst[5:], id.Serial)
	copy(dst[9:], id.Firmware[:])
	return identitySize
}

// Take reads the data of PDID. It reports whether there were enough of them.
func (id *Identity) Take(d []byte) bool {
	if len(d) < identitySize {
		return false
	}
	copy(id.Vendor[:], d)
	id.Model, id.Version = d[3], d[4]
	id.Serial = get32(d[5:])
	copy(id.Firmware[:], d[9:])
	return true
}

// putUID writes the eight bytes that name the device in CCRYPT.
func (id *Identity) putUID(dst []byte) {
	copy(dst, id.Vendor[:])
	dst[3] = id.Model
	put32(dst[4:], id.Serial)
}

// Functions of a [Capability] (OSDP v2.2, annex B).
const (
	CapInputs        = 1  // contacts; Items is how many
	CapOutputs       = 2  // Items is how many
	CapLED           = 4  // Level 1: on and off, 2: timed too; Items is how many for each reader
	CapAudible       = 5  // sound; Level as of LED
	CapText          = 6  // Items is how many displays
	CapCheck         = 8  // Level 1: CRC-16
	CapSecurity      = 9  // Level bit 0: AES-128; Items bit 0: the default key works
	CapReceiveBuffer = 10 // Level, Items: low and high byte of the longest packet taken
	CapLargestMsg    = 11 // Level, Items: low and high byte of the longest multi-part message
	CapReaders       = 13 // Items is how many
	CapVersion       = 16 // Level 1: IEC 60839-11-5, 2: SIA OSDP v2.2
)

// CapabilityAt takes record i out of PDCAP's data. ok is false past the end.
func CapabilityAt(d []byte, i int) (c Capability, ok bool) {
	if i < 0 || 3*i+3 > len(d) {
		return c, false
	}
	return Capability{d[3*i], d[3*i+1], d[3*i+2]}, true
}
