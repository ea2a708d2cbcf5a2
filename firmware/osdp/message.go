package osdp

// Output is one record of OUT: what to do with one output.
type Output struct {
	Number byte
	Code   OutputCode
	Time   uint16 // units of 100 ms, for the temporary codes
}

// OutputCode says what an output does (OSDP v2.2, table 13).
type OutputCode byte

// The output codes.
const (
	OutputNop            OutputCode = 0 // no change
	OutputOff            OutputCode = 1 // permanently off; a timer running is aborted
	OutputOn             OutputCode = 2 // permanently on; a timer running is aborted
	OutputOffAfterTimer  OutputCode = 3 // permanently off; a timer running goes on
	OutputOnAfterTimer   OutputCode = 4 // permanently on; a timer running goes on
	OutputOnTemporarily  OutputCode = 5 // on for Time, then as it was: one grant
	OutputOffTemporarily OutputCode = 6 // off for Time, then as it was
)

const outputSize = 4

// Put writes the record to dst and returns its length, or 0 when it does not
// fit.
func (o *Output) Put(dst []byte) int {
	if len(dst) < outputSize {
		return 0
	}
	dst[0], dst[1], dst[2], dst[3] = o.Number, byte(o.Code), byte(o.Time), byte(o.Time>>8)
	return outputSize
}

// OutputAt takes record i out of OUT's data. ok is false past the end, and for
// data that are no whole number of records.
func OutputAt(data []byte, i int) (o Output, ok bool) {
	if len(data) == 0 || len(data)%outputSize != 0 || i < 0 || i >= len(data)/outputSize {
		return o, false
	}
	d := data[i*outputSize:]
	return Output{d[0], OutputCode(d[1]), uint16(d[2]) | uint16(d[3])<<8}, true
}
