package topic

import (
	"fmt"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
)

// The most bytes of each message. A message with a smaller purpose gets a smaller limit.
const (
	MaxState       = 512
	MaxAck         = 128
	MaxCertificate = 8 * 1024
	MaxNotice      = MaxCertificate + 4*1024
)

// State is what a device says about itself, retained under its own topic. The
// same message with Online false is its last will. It is not signed: the broker
// could forge it, so nothing but screens depends on it.
//
// Brokers may deliver the last will of an old connection after the birth of the
// new one. Each connection has a greater Epoch than the one before: a receiver
// ignores a State whose Epoch is smaller than one it has seen, see [State.Follows].
type State struct {
	_ struct{} `cbor:",toarray"`

	Epoch   uint64 `json:"epoch"` // of the connection
	Online  bool   `json:"online"`
	Version string `json:"version"` // of the software, at most 64 bytes
	Set     uint64 `json:"set"`     // version of the ticket set in use
	Delta   uint64 `json:"delta"`   // last delta applied
	Unacked uint64 `json:"unacked"` // journal entries that central has not acknowledged
	At      int64  `json:"at"`      // Unix seconds
}

// Follows reports whether s is news to someone who has seen old. Within one
// connection a will is the last word, and otherwise the later At is.
func (s State) Follows(old State) bool {
	if s.Epoch != old.Epoch {
		return s.Epoch > old.Epoch
	}
	if s.Online != old.Online {
		return old.Online
	}
	return s.At >= old.At
}

// Encode returns the message's bytes.
func (s State) Encode() ([]byte, error) { return encode(s, s.check(), MaxState) }

// ParseState reads them. The error wraps [ErrMessage] or [ErrTooLarge].
func ParseState(data []byte) (State, error) {
	var s State
	err := decode(data, &s, MaxState)
	if err == nil {
		err = s.check()
	}
	if err != nil {
		return State{}, err
	}
	return s, nil
}

func (s State) check() error {
	if len(s.Version) > 64 || s.At < 0 {
		return fmt.Errorf("state with version %.70q at %d: %w", s.Version, s.At, ErrMessage)
	}
	return nil
}

// Ack is central's word that a device's journal is stored up to and including one
// entry. Only this frees anything on the device. The hash must be the device's own:
// an Ack for another journal under the same name frees nothing.
type Ack struct {
	_ struct{} `cbor:",toarray"`

	Seq  uint64   `json:"seq"`
	Hash [32]byte `json:"hash"`
}

// Encode returns the message's bytes.
func (a Ack) Encode() ([]byte, error) { return encode(a, nil, MaxAck) }

// ParseAck reads them. The error wraps [ErrMessage] or [ErrTooLarge].
func ParseAck(data []byte) (Ack, error) {
	var a Ack
	if err := decode(data, &a, MaxAck); err != nil {
		return Ack{}, err
	}
	return a, nil
}

// Notice tells the other gates about one admission as it happens. The batch holds
// one journal entry; the certificate says whose key signed it, so that a peer can
// verify the notice with nothing but the trust list.
type Notice struct {
	_ struct{} `cbor:",toarray"`

	Certificate []byte // DER
	Batch       []byte // see journal.OpenBatch
}

// Encode returns the message's bytes.
func (n Notice) Encode() ([]byte, error) { return encode(n, n.check(), MaxNotice) }

// ParseNotice reads them; what they hold is still to be verified. The error wraps
// [ErrMessage] or [ErrTooLarge].
func ParseNotice(data []byte) (Notice, error) {
	var n Notice
	err := decode(data, &n, MaxNotice)
	if err == nil {
		err = n.check()
	}
	if err != nil {
		return Notice{}, err
	}
	return n, nil
}

func (n Notice) check() error {
	if len(n.Certificate) == 0 || len(n.Certificate) > MaxCertificate || len(n.Batch) == 0 || len(n.Batch) > journal.MaxBatch {
		return fmt.Errorf("notice with a certificate of %d and a batch of %d bytes: %w", len(n.Certificate), len(n.Batch), ErrMessage)
	}
	return nil
}

func encode(v any, invalid error, most int) ([]byte, error) {
	if invalid != nil {
		return nil, invalid
	}
	data, err := canon.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode message: %w", err)
	}
	if len(data) > most {
		return nil, fmt.Errorf("%d bytes, the most is %d: %w", len(data), most, ErrTooLarge)
	}
	return data, nil
}

func decode(data []byte, v any, most int) error {
	if len(data) > most {
		return fmt.Errorf("%d bytes, the most is %d: %w", len(data), most, ErrTooLarge)
	}
	if err := canon.UnmarshalExact(data, v); err != nil {
		return fmt.Errorf("%w: %w", ErrMessage, err)
	}
	return nil
}

// deviceOK reports whether d could be a device's id.
func deviceOK(d ticket.DeviceID) bool {
	_, err := ticket.ParseDeviceID(string(d))
	return err == nil
}
