package osdp

// Output is one record of OUT: what to do with one output.
type Output struct {
	Number byte
	Code   OutputCode
	Time   uint16 // units of 100 ms, for the temporary codes
}

// OutputCode says what an output does (OSDP v2.2, table 13).
type OutputCode byte

// The output codes. What "temporarily" means for a lane: one grant.
const (
	OutputNop            OutputCode = 0 // no change
	OutputOff            OutputCode = 1 // permanently off; a running timer is aborted
	OutputOn             OutputCode = 2 // permanently on; a running timer is aborted
	OutputOffAfterTimer  OutputCode = 3 // permanently off once a running timer is over
	OutputOnAfterTimer   OutputCode = 4 // permanently on once a running timer is over
	OutputOnTemporarily  OutputCode = 5 // on for Time, then as it was
	OutputOffTemporarily OutputCode = 6 // off for Time, then as it was
)

const outputSize = 4

// Put writes the record to dst and returns its length, 4, or 0 when it does not
// fit.
func (o *Output) Put(dst []byte) int {
	if len(dst) < outputSize {
		return 0
	}
	dst[0], dst[1] = o.Number, byte(o.Code)
	put16(dst[2:], o.Time)
	return outputSize
}

// OutputAt takes record i out of OUT's data. ok is false past the end, and for
// data that are no whole number of records.
func OutputAt(d []byte, i int) (o Output, ok bool) {
	if len(d)%outputSize != 0 || i < 0 || i >= len(d)/outputSize {
		return o, false
	}
	d = d[i*outputSize:]
	return Output{d[0], OutputCode(d[1]), get16(d[2:])}, true
}
