package topic

import (
	"slices"
	"strconv"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// reach says how far a role gets with a kind of topic.
type reach uint8

const (
	none  reach = iota
	own         // only the topic that names the device itself
	named       // any topic, but one by one: subscribing needs every level spelt out
	some        // as named, and the last level may be the wildcard
	every       // any topic, any level may be the wildcard
)

type rule struct{ write, read reach }

// table is who may do what, by kind and then by role. What does not stand here is
// denied; roles that never connect (root, event) stand nowhere. On top of it, all
// but central are held to the events that they were enrolled for, see
// [Client.May].
//
// A gate may not subscribe to all chunks of a set at once: it would be sent
// everything in one burst, whatever its receiver window.
var table = map[Kind]map[trust.Role]rule{
	Trust:       publicFromCentral(named),
	StatusList:  publicFromCentral(some),
	SetManifest: publicFromCentral(named),
	SetRules:    publicFromCentral(named),
	SetStatus:   publicFromCentral(named),
	SetChunk:    publicFromCentral(named),
	Delta:       publicFromCentral(some),
	Beacon:      publicFromCentral(named),
	Ledger:      publicFromCentral(some),
	Leases:      publicFromCentral(some),
	Admissions:  fromDevice(some),
	Claim:       fromDevice(none),
	ClaimReply:  toDevice(),
	DeviceState: {
		// A device reads its own state to notice a last will that overtook its birth.
		trust.RoleCentral:  {write: own, read: every},
		trust.RoleHub:      {write: own, read: own},
		trust.RoleGate:     {write: own, read: own},
		trust.RoleHandheld: {write: own, read: own},
	},
	DeviceJournal: fromDevice(none),
	DeviceAck:     toDevice(),
	DeviceCommand: toDevice(),
	DeviceLog:     fromDevice(none),
}

// publicFromCentral is for what central publishes to all devices.
func publicFromCentral(read reach) map[trust.Role]rule {
	return map[trust.Role]rule{
		trust.RoleCentral:  {write: every, read: every},
		trust.RoleHub:      {read: read},
		trust.RoleGate:     {read: read},
		trust.RoleHandheld: {read: read},
	}
}

// fromDevice is for what each device publishes about itself.
func fromDevice(peers reach) map[trust.Role]rule {
	return map[trust.Role]rule{
		trust.RoleCentral:  {read: every},
		trust.RoleHub:      {write: own, read: peers},
		trust.RoleGate:     {write: own, read: peers},
		trust.RoleHandheld: {write: own, read: peers},
	}
}

// toDevice is for what central says to one device.
func toDevice() map[trust.Role]rule {
	return map[trust.Role]rule{
		trust.RoleCentral:  {write: every, read: every},
		trust.RoleHub:      {read: own},
		trust.RoleGate:     {read: own},
		trust.RoleHandheld: {read: own},
	}
}

// Client is who wants to publish or subscribe: what the register, or a verified
// certificate, says about a device.
type Client struct {
	Device ticket.DeviceID
	Role   trust.Role
	Events []ticket.EventID // those it was enrolled for; central needs none
}

// May reports whether the client may publish to name (write) or subscribe to it or
// be sent it (read; name may then be a filter with "+"). It denies by default:
// every name and filter that is not of ours, "#", shared subscriptions, unknown
// roles, and roles that do not connect. A topic of an event is for the devices of
// that event, whatever the role, and only central may ask for all events at once.
//
// A hub has the rights of a gate here. What it does for the gates that connect to
// its own broker it does inside that broker, not as a client.
func (c Client) May(name string, write bool) bool {
	p, err := parsePattern(name)
	if err != nil || !c.serves(p) {
		return false
	}
	r := table[p.kind][c.Role]
	if write {
		return p.literal() && r.write.covers(p, c.Device)
	}
	return r.read.covers(p, c.Device)
}

// serves reports whether the pattern is of no event in particular, or of one of
// the client's. A wildcard is none of them.
func (c Client) serves(p pattern) bool {
	if p.event == "" || c.Role == trust.RoleCentral {
		return true
	}
	e, err := strconv.ParseUint(p.event, 10, 32)
	return err == nil && slices.Contains(c.Events, ticket.EventID(e))
}

// MayRetain reports whether the broker keeps what the client may publish to name.
// A device has one such topic, so that it cannot fill the broker's memory.
func (c Client) MayRetain(name string) bool {
	p, err := parsePattern(name)
	if err != nil {
		return false
	}
	return c.Role == trust.RoleCentral || p.kind == DeviceState
}

func (r reach) covers(p pattern, device ticket.DeviceID) bool {
	switch r {
	case none:
		return false
	case own:
		return device != "" && p.device == string(device) && p.literal()
	case named:
		return p.literal()
	case some:
		return p.event != wild && p.chunk != wild
	case every:
		return true
	}
	return false
}

// literal reports whether no level is the wildcard.
func (p pattern) literal() bool {
	return p.event != wild && p.device != wild && p.number != wild && p.chunk != wild
}
