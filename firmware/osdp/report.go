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

// number is counter i in the order of the line. It returns pointers so
// that reading and writing cannot disagree.
func (r *Report) number(i int) *uint32 {
	switch i {
	case 0:
		return &r.MS
	case 1, 2:
		return &r.Passed[i-1]
	case 3, 4:
		return &r.FreePassed[i-3]
	case 5:
		return &r.Expired
	case 6:
		return &r.TurnedBack
	case 7:
		return &r.Revoked
	case 8:
		return &r.Forced
	case 9:
		return &r.Intruded
	case 10:
		return &r.Jammed
	case 11:
		return &r.Tailgated
	case 12:
		return &r.WrongWay
	case 13:
		return &r.Freed
	}
	return &r.Granted
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
	for i := range reportCounts {
		put32(d[reportHead+4*i:], *r.number(i))
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
	for i := range reportCounts {
		*r.number(i) = get32(d[reportHead+4*i:])
	}
	return true
}
