package topic

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/con-ting/conting/sync/ticket"
)

// wild is the single-level wildcard. There is no filter of ours with "#": nobody
// needs to hear everything.
const wild = "+"

// pattern is a name whose event, device, number and chunk are still text, each
// perhaps the wildcard.
type pattern struct {
	kind                         Kind
	event, device, number, chunk string
}

func (n Name) pattern() pattern {
	p := pattern{
		kind: n.Kind, event: n.Event.String(), device: string(n.Device),
		number: strconv.FormatUint(n.Number, 10), chunk: strconv.FormatUint(uint64(n.Chunk), 10),
	}
	if n.Kind == StatusList {
		p.number = fmt.Sprintf("%016x", n.Number)
	}
	return p
}

func (p pattern) String() string {
	event, device := prefix+p.event, prefix+"device/"+p.device
	switch p.kind {
	case Trust:
		return prefix + "trust"
	case StatusList:
		return prefix + "status/" + p.number
	case SetManifest:
		return event + "/set/manifest"
	case SetRules:
		return event + "/set/" + p.number + "/rules"
	case SetStatus:
		return event + "/set/" + p.number + "/status"
	case SetChunk:
		return event + "/set/" + p.number + "/" + p.chunk
	case Delta:
		return event + "/delta/" + p.number
	case Beacon:
		return event + "/beacon"
	case Ledger:
		return event + "/ledger/" + p.number
	case Leases:
		return event + "/leases/" + p.number
	case Admissions:
		return event + "/admissions/" + p.device
	case Claim:
		return event + "/claim/" + p.device
	case ClaimReply:
		return event + "/claim-reply/" + p.device
	case DeviceState:
		return device + "/state"
	case DeviceJournal:
		return device + "/journal"
	case DeviceAck:
		return device + "/ack"
	case DeviceCommand:
		return device + "/command"
	case DeviceLog:
		return device + "/log"
	}
	return ""
}

// parsePattern splits a name or filter into its parts and checks each that is not
// the wildcard.
func parsePattern(s string) (pattern, error) {
	bad := func(why string) (pattern, error) { return pattern{}, fmt.Errorf("%.140q: %s: %w", s, why, ErrName) }
	if len(s) > MaxName {
		return bad("too long")
	}
	rest, ok := strings.CutPrefix(s, prefix)
	if !ok {
		return bad("want the prefix " + prefix)
	}
	p, ok := split(strings.Split(rest, "/"))
	if !ok {
		return bad("no such topic")
	}
	// The parts that this kind has are filled; written again they must give the
	// same text, and each must be well-formed or the wildcard.
	switch {
	case p.event != "" && p.event != wild && !number(p.event, 32, 1):
		return bad("event")
	case p.number != "" && p.number != wild && !p.numbered():
		return bad("number")
	case p.chunk != "" && p.chunk != wild && !number(p.chunk, 32, 0):
		return bad("chunk")
	case p.device != "" && p.device != wild:
		if _, err := ticket.ParseDeviceID(p.device); err != nil {
			return bad("device")
		}
	}
	return p, nil
}

func split(l []string) (pattern, bool) {
	last := l[len(l)-1]
	if last == "" {
		return pattern{}, false
	}
	switch {
	case len(l) == 1 && last == "trust":
		return pattern{kind: Trust}, true
	case l[0] == "device":
		kind, ok := map[string]Kind{
			"state": DeviceState, "journal": DeviceJournal, "ack": DeviceAck, "command": DeviceCommand, "log": DeviceLog,
		}[last]
		return pattern{kind: kind, device: l[min(1, len(l)-1)]}, ok && len(l) == 3 && l[1] != ""
	case l[0] == "":
		return pattern{}, false
	case len(l) == 2 && l[0] == "status":
		return pattern{kind: StatusList, number: last}, true
	case len(l) == 2 && last == "beacon":
		return pattern{kind: Beacon, event: l[0]}, true
	case len(l) == 3:
		return splitEvent(l[0], l[1], last)
	case len(l) == 4 && l[1] == "set" && l[2] != "":
		p := pattern{kind: SetChunk, event: l[0], number: l[2]}
		switch last {
		case "rules":
			p.kind = SetRules
		case "status":
			p.kind = SetStatus
		default:
			p.chunk = last
		}
		return p, true
	}
	return pattern{}, false
}

func splitEvent(event, level, last string) (pattern, bool) {
	p := pattern{event: event}
	switch level {
	case "set":
		p.kind = SetManifest
		return p, last == "manifest"
	case "delta":
		p.kind, p.number = Delta, last
	case "ledger":
		p.kind, p.number = Ledger, last
	case "leases":
		p.kind, p.number = Leases, last
	case "admissions":
		p.kind, p.device = Admissions, last
	case "claim":
		p.kind, p.device = Claim, last
	case "claim-reply":
		p.kind, p.device = ClaimReply, last
	default:
		return pattern{}, false
	}
	return p, true
}

// numbered reports whether the number is as this kind writes it.
func (p pattern) numbered() bool {
	if p.kind == StatusList {
		n, err := strconv.ParseUint(p.number, 16, 64)
		return err == nil && fmt.Sprintf("%016x", n) == p.number
	}
	return number(p.number, p.bits(), p.least())
}

// base is that of the digits of the number.
func (p pattern) base() int {
	if p.kind == StatusList {
		return 16
	}
	return 10
}

func (p pattern) bits() int {
	switch p.kind { //nolint:exhaustive // the others have sequence numbers
	case Leases:
		return 4 // ticketset.LeasePages
	case Ledger:
		return 32
	}
	return 64
}

func (p pattern) least() uint64 {
	if p.kind == Ledger || p.kind == Leases {
		return 0
	}
	return 1
}

// number accepts the shortest decimal form of a number of at least least.
func number(s string, bits int, least uint64) bool {
	n, err := strconv.ParseUint(s, 10, bits)
	return err == nil && n >= least && strconv.FormatUint(n, 10) == s
}

// name turns a pattern without wildcards into a Name.
func (p pattern) name(s string) (Name, error) {
	n := Name{Kind: p.kind, Device: ticket.DeviceID(p.device)}
	for _, f := range []struct {
		text       string
		base, bits int
		set        func(uint64)
	}{
		{p.event, 10, 32, func(v uint64) { n.Event = ticket.EventID(v) }}, //nolint:gosec // 32 bits
		{p.number, p.base(), 64, func(v uint64) { n.Number = v }},
		{p.chunk, 10, 32, func(v uint64) { n.Chunk = uint32(v) }}, //nolint:gosec // 32 bits
	} {
		if f.text == "" {
			continue
		}
		v, err := strconv.ParseUint(f.text, f.base, f.bits)
		if err != nil {
			return Name{}, fmt.Errorf("%.140q: wildcard in a name: %w", s, ErrName)
		}
		f.set(v)
	}
	if p.device == wild {
		return Name{}, fmt.Errorf("%.140q: wildcard in a name: %w", s, ErrName)
	}
	return n, nil
}
