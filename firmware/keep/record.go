package keep

// A record, low byte first in numbers:
//
//	0–3    "CTK1"
//	4–7    number of this save; the newer copy counts
//	8      address
//	9      bit 0 restore by hand, bit 1 free when the supply fails
//	10–11  modes of the two directions
//	12–15  baud
//	16–31  Secure Channel base key
//	32–47  seed of the nonces
//	48–51  serial number
//	52–59  zero
//	60–63  CRC-32 (IEEE) of all before
const magic = 0x314B5443

const (
	flagManual = 1 << iota
	flagPower
)

func (s *Store) encode(number uint32) {
	r := &s.record
	*r = [recordSize]byte{}
	put32(r[0:], magic)
	put32(r[4:], number)
	r[8] = s.Address
	if s.ManualRestore {
		r[9] |= flagManual
	}
	if s.FreeOnPowerFail {
		r[9] |= flagPower
	}
	r[10], r[11] = s.Modes[0], s.Modes[1]
	put32(r[12:], s.Baud)
	for i := range s.Key {
		r[16+i] = s.Key[i]
		r[32+i] = s.Seed[i]
	}
	put32(r[48:], s.Serial)
	put32(r[60:], sum(r[:60]))
}

func (s *Store) decode() bool {
	r := &s.record
	if get32(r[0:]) != magic || get32(r[60:]) != sum(r[:60]) {
		return false
	}
	s.Settings = Settings{
		Address: r[8], Serial: get32(r[48:]), Baud: get32(r[12:]),
		Modes:         [2]byte{r[10], r[11]},
		ManualRestore: r[9]&flagManual != 0, FreeOnPowerFail: r[9]&flagPower != 0,
	}
	for i := range s.Key {
		s.Key[i] = r[16+i]
		s.Seed[i] = r[32+i]
	}
	return true
}

// sum is CRC-32 without a table: 60 bytes, a few times in a controller's life.
func sum(p []byte) uint32 {
	c := ^uint32(0)
	for _, b := range p {
		c ^= uint32(b)
		for range 8 {
			c = c>>1 ^ 0xEDB88320&-(c&1)
		}
	}
	return ^c
}

func put32(p []byte, v uint32) {
	p[0], p[1], p[2], p[3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24) // #nosec G115 -- taken apart
}

func get32(p []byte) uint32 {
	return uint32(p[0]) | uint32(p[1])<<8 | uint32(p[2])<<16 | uint32(p[3])<<24
}
