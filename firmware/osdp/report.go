package osdp

// Report is the lane as it is, for a panel that just came or wants to be sure;
// its numbers are those of firmware/lane. It is, after the vendor's header,
//
//	4      state            5      debounced inputs   6      outputs
//	7      flags            8–9    modes, by way      10     grants held
//	11–14  armed grant      15–16  boot counter       17–20  newest event's number
//	21–24  events waiting   25–28  events lost        29–32  device time, ms
//	33–40  passed, by way   41–48  passed freely, by way
//	49 …   expired, turned back, revoked, forced, intruded, jammed, tailgated,
//	       wrong way, freed, granted, four bytes each
type Report struct {
	State, Inputs, Outputs, Flags byte
	Modes                         [2]byte
	Grants                        byte
	Armed                         uint32
	Boot                          uint16
	Newest, Waiting, Lost, MS     uint32
	Passed, FreePassed            [2]uint32
	Expired, TurnedBack, Revoked  uint32
	Forced, Intruded, Jammed      uint32
	Tailgated, WrongWay, Freed    uint32
	Granted                       uint32
}

// Bits of [Report.Flags].
const (
	ReportPanelLost = 1 << iota
	ReportStuckA
	ReportStuckB
	ReportBlindA
	ReportBlindB
)

const (
	reportHead   = 25
	reportCounts = 15
	reportSize   = reportHead + 4*reportCounts
)

// counts is the counters in the order of the line.
func (r *Report) counts() [reportCounts]uint32 {
	return [reportCounts]uint32{
		r.MS, r.Passed[0], r.Passed[1], r.FreePassed[0], r.FreePassed[1],
		r.Expired, r.TurnedBack, r.Revoked, r.Forced, r.Intruded, r.Jammed,
		r.Tailgated, r.WrongWay, r.Freed, r.Granted,
	}
}

// Put writes the data of MFGREP to dst and returns their length, 89, or 0 when
// they do not fit.
func (r *Report) Put(dst []byte) int {
	d := open(dst, MfgReport, reportSize)
	if d == nil {
		return 0
	}
	d[0], d[1], d[2], d[3] = r.State, r.Inputs, r.Outputs, r.Flags
	d[4], d[5], d[6] = r.Modes[0], r.Modes[1], r.Grants
	put32(d[7:], r.Armed)
	put16(d[11:], r.Boot)
	put32(d[13:], r.Newest)
	put32(d[17:], r.Waiting)
	put32(d[21:], r.Lost)
	for i, n := range r.counts() {
		put32(d[reportHead+4*i:], n)
	}
	return vendorHeader + reportSize
}

// Take reads the data of MFGREP. It reports whether they are a report.
func (r *Report) Take(data []byte) bool {
	d := content(data, MfgReport, reportSize)
	if d == nil {
		return false
	}
	r.State, r.Inputs, r.Outputs, r.Flags = d[0], d[1], d[2], d[3]
	r.Modes, r.Grants = [2]byte{d[4], d[5]}, d[6]
	r.Armed, r.Boot = get32(d[7:]), get16(d[11:])
	r.Newest, r.Waiting, r.Lost = get32(d[13:]), get32(d[17:]), get32(d[21:])
	var n [reportCounts]uint32
	for i := range n {
		n[i] = get32(d[reportHead+4*i:])
	}
	r.MS, r.Passed, r.FreePassed = n[0], [2]uint32{n[1], n[2]}, [2]uint32{n[3], n[4]}
	r.Expired, r.TurnedBack, r.Revoked, r.Forced, r.Intruded = n[5], n[6], n[7], n[8], n[9]
	r.Jammed, r.Tailgated, r.WrongWay, r.Freed, r.Granted = n[10], n[11], n[12], n[13], n[14]
	return true
}
