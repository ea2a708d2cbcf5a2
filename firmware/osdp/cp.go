package osdp

// CPConfig says how a panel talks to one device. The zero value of a time or a
// count means its default.
type CPConfig struct {
	Address byte     // 0 … 0x7F
	Key     [16]byte // SCBK; all zero: identify only, nothing is ever submitted
	Nonce   Nonce    // must not be nil when Key is set

	Checksum bool // 8-bit checksum instead of CRC-16, for devices without
	Mark     bool // an 0xFF before each packet, for converters that need it

	PollMS    uint32 // between polls; default 50
	ReplyMS   uint32 // until a reply must have begun; default 200
	CharMS    uint32 // a reply with a longer gap in it is given up; default 20
	BusyMS    uint32 // between repeats to a busy device; default 50
	OfflineMS uint32 // the device counts as lost after this silence; default 8,000
	Retries   int    // repeats of one command before a fresh start; default 8
	RxSize    uint16 // told to the device as ACURXSIZE; default MaxFrame
}

// Fault says why a submitted command has no answer.
type Fault byte

// The faults of a command.
const (
	FaultNone Fault = iota

	// FaultLost means that the link was lost after the command had left: whether
	// the device acted on it is unknown.
	FaultLost

	// FaultUnsent means that the command never left.
	FaultUnsent
)

// Reply is the outcome of a submitted command, or (Ticket zero) what a device
// answered to a poll other than ACK.
type Reply struct {
	Ticket  uint16 // as Submit returned it; 0 for a poll
	Command byte   // the command it answers
	Code    byte   // the reply's code; 0 when Fault is set
	Data    []byte // valid until the next Feed or Tick
	Fault   Fault
}

// CP is the panel's end towards one device. Several on one line take turns:
// see [CP.Idle].
type CP struct {
	notices
	cfg   CPConfig
	stats Stats
	tx    builder
	reply Reply
}

// Init sets the panel up afresh. It returns false when the configuration is
// impossible.
func (c *CP) Init(cfg *CPConfig) bool { return false }

// Feed takes one byte from the line.
func (c *CP) Feed(now uint32, b byte) Action { return Wait }

// Tick lets time pass and starts what is due.
func (c *CP) Tick(now uint32) Action { return Wait }

// Due is how long, in ms, the caller may wait before the next Tick when no byte
// comes.
func (c *CP) Due(now uint32) uint32 { return 0 }

// Idle reports whether no exchange is under way, so that another panel may use
// the same line.
func (c *CP) Idle() bool { return true }

// Out is the packet to write, valid until the next Feed or Tick.
func (c *CP) Out() []byte { return c.tx.out() }

// Reply is the outcome after Deliver, valid until the next Feed or Tick.
func (c *CP) Reply() *Reply { return &c.reply }

// Submit queues a command for the secured channel and returns its ticket, which
// exactly one Reply will carry. It returns 0, and nothing will be sent, when the
// channel is down, the queue is full, data is longer than [MaxData] or than the
// device takes, or code is one that this state machine sends itself.
func (c *CP) Submit(code byte, data []byte) (ticket uint16) { return 0 }

// Rekey gives the device a new base key through Secure Channel. When the device
// acknowledges, the panel uses it too and starts afresh. Keep both keys until
// the notice [KeyChanged], and the old one until [Secured] after it.
func (c *CP) Rekey(key *[16]byte) (ticket uint16) { return 0 }

// Restart gives the present exchange up and starts afresh.
func (c *CP) Restart(now uint32) {}

// Online reports whether Secure Channel is up.
func (c *CP) Online() bool { return false }

// Identity is what the device said about itself. It is authentic only when the
// channel is up.
func (c *CP) Identity() (id Identity, ok bool) { return id, false }

// Capabilities is the device's list.
func (c *CP) Capabilities() []Capability { return nil }

// Stats counts since Init.
func (c *CP) Stats() Stats { return c.stats }
