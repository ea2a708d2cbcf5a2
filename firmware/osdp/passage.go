package osdp

// A passage event is, after the vendor's header,
//
//	4–7    number: one more than the event's before it, from 1 after each start
//	8–9    boot counter: with another boot the numbers start anew
//	10     kind, as firmware/lane numbers them
//	11     way: 0 from A to B, 1 from B to A, 2 none
//	12–15  grant that it is about; 0 for none
//	16–19  device time of the event, ms since its start, wraps
//	20–21  detail, as firmware/lane defines it
//
// The device sends the events in order, one in answer to a POLL. A number that
// is skipped is an event that the device had to overwrite: the panel must show
// the gap. The device does not send an event twice within one channel, unless
// the reply was lost; in a new channel it begins again at the oldest that no
// [Confirm] has named, so that a panel must drop the numbers that it has.
const passageSize = 18

// Passage is one thing that happened at the lane.
type Passage struct {
	Number uint32
	Boot   uint16
	Kind   byte
	Way    byte
	Grant  uint32
	MS     uint32
	Detail uint16
}

// Put writes the data of MFGREP to dst and returns their length, 22, or 0 when
// they do not fit.
func (p *Passage) Put(dst []byte) int {
	d := open(dst, MfgPassage, passageSize)
	if d == nil {
		return 0
	}
	put32(d, p.Number)
	put16(d[4:], p.Boot)
	d[6], d[7] = p.Kind, p.Way
	put32(d[8:], p.Grant)
	put32(d[12:], p.MS)
	put16(d[16:], p.Detail)
	return vendorHeader + passageSize
}

// Take reads the data of MFGREP. It reports whether they are a passage event.
func (p *Passage) Take(data []byte) bool {
	d := content(data, MfgPassage, passageSize)
	if d == nil {
		return false
	}
	*p = Passage{
		Number: get32(d), Boot: get16(d[4:]), Kind: d[6], Way: d[7],
		Grant: get32(d[8:]), MS: get32(d[12:]), Detail: get16(d[16:]),
	}
	return true
}

// Confirm tells the device which events the panel has stored for good: those of
// this boot up to and including Number. The device then forgets them. It is,
// after the vendor's header, 4–5 the boot counter and 6–9 the number.
type Confirm struct {
	Boot   uint16
	Number uint32
}

const confirmSize = 6

// Put writes the data of MFG to dst and returns their length, 10, or 0 when they
// do not fit.
func (c *Confirm) Put(dst []byte) int {
	d := open(dst, MfgConfirm, confirmSize)
	if d == nil {
		return 0
	}
	put16(d, c.Boot)
	put32(d[2:], c.Number)
	return vendorHeader + confirmSize
}

// Take reads the data of MFG. It reports whether they are a confirmation.
func (c *Confirm) Take(data []byte) bool {
	d := content(data, MfgConfirm, confirmSize)
	if d == nil {
		return false
	}
	*c = Confirm{get16(d), get32(d[2:])}
	return true
}

// Sequence finds the gaps in a device's events. Its zero value expects the first
// event of a boot.
type Sequence struct {
	boot  uint16
	last  uint32
	begun bool
}

// Resume says which event the panel has stored last.
func (s *Sequence) Resume(boot uint16, last uint32) { *s = Sequence{boot, last, true} }

// Take judges an event: fresh is false for one that was seen before, and missing
// is how many are lost before it. After a restart of the device nobody can tell
// how many events of the boot before are lost; restarted says so.
func (s *Sequence) Take(p *Passage) (fresh bool, missing uint32, restarted bool) {
	if s.begun && p.Boot != s.boot {
		*s = Sequence{boot: p.Boot, begun: true}
		restarted = true
	}
	if !s.begun {
		*s = Sequence{boot: p.Boot, begun: true}
	}
	ahead := p.Number - s.last
	if ahead == 0 || ahead >= 1<<31 {
		return false, 0, restarted
	}
	s.last = p.Number
	return true, ahead - 1, restarted
}
