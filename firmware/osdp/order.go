package osdp

// Order asks the lane for one thing; its fields are those of firmware/lane's
// Command. It is, after the vendor's header, 4 operation, 5 way, 6 mode, 7–10
// grant, 11–14 ms. An order that is sent twice (its answer was lost with the
// channel) opens once: the lane knows the grant's number.
type Order struct {
	Op    byte
	Way   byte
	Mode  byte
	Grant uint32
	MS    uint32
}

const orderSize = 11

// Put writes the data of MFG to dst and returns their length, 15, or 0 when they
// do not fit.
func (o *Order) Put(dst []byte) int {
	d := open(dst, MfgOrder, orderSize)
	if d == nil {
		return 0
	}
	d[0], d[1], d[2] = o.Op, o.Way, o.Mode
	put32(d[3:], o.Grant)
	put32(d[7:], o.MS)
	return vendorHeader + orderSize
}

// Take reads the data of MFG. It reports whether they are an order.
func (o *Order) Take(data []byte) bool {
	d := content(data, MfgOrder, orderSize)
	if d == nil {
		return false
	}
	*o = Order{d[0], d[1], d[2], get32(d[3:]), get32(d[7:])}
	return true
}

// Outcome is what became of an [Order]: after the vendor's header, 4 the answer
// as firmware/lane numbers them (0: accepted), 5 the operation, 6–9 the grant.
type Outcome struct {
	Answer byte
	Op     byte
	Grant  uint32
}

const outcomeSize = 6

// Put writes the data of MFGREP to dst and returns their length, 10, or 0 when
// they do not fit.
func (o *Outcome) Put(dst []byte) int {
	d := open(dst, MfgOutcome, outcomeSize)
	if d == nil {
		return 0
	}
	d[0], d[1] = o.Answer, o.Op
	put32(d[2:], o.Grant)
	return vendorHeader + outcomeSize
}

// Take reads the data of MFGREP. It reports whether they are an outcome.
func (o *Outcome) Take(data []byte) bool {
	d := content(data, MfgOutcome, outcomeSize)
	if d == nil {
		return false
	}
	*o = Outcome{d[0], d[1], get32(d[2:])}
	return true
}
