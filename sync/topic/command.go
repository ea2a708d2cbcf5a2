package topic

import (
	"fmt"
	"time"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// CommandContext separates a command's signature from all others.
const CommandContext trust.Context = "conting/command/v1"

// MaxCommand is the most bytes of a signed command.
const MaxCommand = 1024

// Action is what a device is told to do.
type Action string

// The actions. Each can be done twice without harm.
const (
	Pull   Action = "pull"   // fetch the manifest and everything it names again
	Resend Action = "resend" // send the journal again from entry From, although it was acknowledged
	Renew  Action = "renew"  // renew the certificate now
	Report Action = "report" // publish the state now
)

// Command is an order of central to one device. It is signed with the event key:
// the broker cannot give orders. The receiver keeps the greatest Number it obeyed
// and ignores all others, so that an old order cannot be played again.
type Command struct {
	_ struct{} `cbor:",toarray"`

	Event   ticket.EventID
	Device  ticket.DeviceID
	Number  uint64 // greater than that of every command before it
	Expires int64  // Unix seconds
	Action  Action
	From    uint64 // of Resend
}

// Sign returns the signed command.
func (c Command) Sign(s trust.Signer) ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	payload, err := canon.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode command: %w", err)
	}
	return trust.Sign1(s, CommandContext, payload)
}

// OpenCommand verifies a command for the given device and event. An action that
// this version does not know is an error, which wraps [ErrMessage].
func OpenCommand(k *trust.Keyring, e ticket.EventID, d ticket.DeviceID, data []byte, now time.Time) (Command, error) {
	if len(data) > MaxCommand {
		return Command{}, fmt.Errorf("command of %d bytes, the most is %d: %w", len(data), MaxCommand, ErrTooLarge)
	}
	payload, err := k.Verify(trust.RoleEvent, e, CommandContext, data, now)
	if err != nil {
		return Command{}, fmt.Errorf("command: %w", err)
	}
	var c Command
	if err := canon.UnmarshalExact(payload, &c); err != nil {
		return Command{}, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	if err := c.check(); err != nil {
		return Command{}, err
	}
	switch {
	case c.Event != e || c.Device != d:
		return Command{}, fmt.Errorf("command for %s at event %s: %w", c.Device, c.Event, ErrMessage)
	case now.Unix() > c.Expires:
		return Command{}, fmt.Errorf("command %d: %w", c.Number, trust.ErrExpired)
	}
	return c, nil
}

func (c Command) check() error {
	if c.Event == 0 || !deviceOK(c.Device) || c.Number == 0 || c.Expires <= 0 {
		return fmt.Errorf("command %d for %.40q: %w", c.Number, c.Device, ErrMessage)
	}
	switch c.Action {
	case Pull, Resend, Renew, Report:
		return nil
	}
	return fmt.Errorf("command %.40q: %w", c.Action, ErrMessage)
}
