package topic

import (
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// ACL is [Client.May] of a device that serves whatever event the name is about.
func ACL(role trust.Role, device ticket.DeviceID, name string, write bool) bool {
	c := Client{Device: device, Role: role}
	if p, err := parsePattern(name); err == nil {
		if e, err := ticket.ParseEventID(p.event); err == nil {
			c.Events = append(c.Events, e)
		}
	}
	return c.May(name, write)
}

// Retainable is [Client.MayRetain] of a role.
func Retainable(role trust.Role, name string) bool { return Client{Role: role}.MayRetain(name) }
