package osdp

// CPConfig says how a panel talks to one device. The zero value of a time or a
// count means its default.
type CPConfig struct {
	Address byte     // 0 … 0x7F
	Key     [16]byte // SCBK; all zero: identify only, nothing is ever submitted
	Nonce   Nonce    // must not be nil when Key is set

	Checksum bool // 8-bit checksum instead of CRC-16, for devices without
	Mark     bool // an 0xFF before each packet, for converters that need it

	Baud uint32 // the line's speed, to know when a packet has left; 0: at once

	PollMS    uint32 // between polls; default 50
	ReplyMS   uint32 // until a reply must have begun, from when the command has left; default 200
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

// CP is the panel's end towards one device. Several on one line take turns: see
// [CP.Idle]. Set it up with Init; its zero value does nothing.
type CP struct {
	notices

	cfg   CPConfig
	ready bool
	key   [16]byte
	stats Stats

	rx     receiver
	tx     builder
	sess   session
	secure bool
	phase  phase
	panel  [8]byte
	device [8]byte
	proof  [16]byte

	sequence byte // of the next command
	flight   flight
	step     setup // what is left to do before the first poll
	peer     int   // longest packet that the device takes
	nextAt   uint32
	goodAt   uint32 // when the device was last heard for sure
	heard    bool
	lost     bool // Offline was told
	begun    bool // goodAt means something
	bursting bool

	queue   queue
	reply   Reply
	scratch [MaxData]byte
	newKey  [16]byte

	id    Identity
	known bool
	caps  [MaxCapabilities]Capability
	capsN int
}

// phase is how far the panel is with its device.
type phase byte

const (
	resting     phase = iota // until nextAt
	asking                   // ID outside the channel
	looking                  // CAP outside the channel, without a key only
	challenging              // CHLNG
	proving                  // SCRYPT
	running                  // commands and polls
)

// setup is what the panel asks once the channel is up.
type setup byte

const (
	setupID setup = iota
	setupCap
	setupRxSize
	setupDone
)

// flight is the exchange under way.
type flight struct {
	up       bool
	command  byte
	sequence byte
	ticket   uint16
	leftAt   uint32 // when its last byte has left
	tries    int
	again    bool   // to be sent again at againAt
	againAt  uint32 // after BUSY
	mangled  bool   // something came that was no packet
}

// Init sets the panel up afresh. It returns false when the configuration is
// impossible: an address above 0x7F, the default key, or a key without a source
// of nonces.
func (c *CP) Init(cfg *CPConfig) bool {
	*c = CP{}
	keyed := cfg.Key != [16]byte{}
	if cfg.Address > ConfigAddress || keyed && (!usable(&cfg.Key) || cfg.Nonce == nil) {
		return false
	}
	c.cfg, c.key = *cfg, cfg.Key
	c.cfg.Key = [16]byte{}
	normal(&c.cfg.PollMS, 50)
	normal(&c.cfg.ReplyMS, 200)
	normal(&c.cfg.CharMS, 20)
	normal(&c.cfg.BusyMS, 50)
	normal(&c.cfg.OfflineMS, 8000)
	if c.cfg.Retries <= 0 {
		c.cfg.Retries = 8
	}
	if c.cfg.RxSize == 0 || c.cfg.RxSize > MaxFrame {
		c.cfg.RxSize = MaxFrame
	}
	c.tx.mode(c.cfg.Mark, !c.cfg.Checksum)
	c.peer, c.ready = MinFrame, true
	return true
}

func normal(v *uint32, d uint32) {
	if *v == 0 {
		*v = d
	}
}

func (c *CP) keyed() bool { return c.key != [16]byte{} }

// Due is how long, in ms, the caller may wait before the next Tick when no byte
// comes.
func (c *CP) Due(now uint32) uint32 {
	switch {
	case !c.ready:
		return c.cfg.OfflineMS
	case !c.secure && !c.queue.empty():
		return 0
	case !c.flight.up:
		if c.hurried() {
			return 0
		}
		return until(now, c.nextAt)
	case c.flight.again:
		return until(now, c.flight.againAt)
	case !c.rx.idle() || c.flight.mangled:
		return until(now, c.rx.last+c.cfg.CharMS+1)
	}
	return until(now, c.flight.leftAt+c.cfg.ReplyMS+1)
}

func until(now, at uint32) uint32 {
	if d := at - now; d < 1<<31 {
		return d
	}
	return 0
}

// Idle reports whether no exchange is under way, so that another panel may use
// the same line: then call its Tick, and feed it what comes, until it is idle.
func (c *CP) Idle() bool { return !c.flight.up }

// Out is the packet to write, valid until the next Feed or Tick.
func (c *CP) Out() []byte { return c.tx.out() }

// Reply is the outcome after Deliver, valid until the next Feed or Tick.
func (c *CP) Reply() *Reply { return &c.reply }

// Submit queues a command for the secured channel and returns its ticket, which
// exactly one Reply will carry; Rekey's and Submit's outcomes come in the order
// of the calls. It returns 0, and nothing will be sent, when the channel is down,
// the queue is full, data is longer than [MaxData] or than the device takes, or
// code is one that the state machine sends itself (POLL, KEYSET, CHLNG, SCRYPT,
// ACURXSIZE).
func (c *CP) Submit(code byte, data []byte) (ticket uint16) {
	switch code {
	case CmdPoll, CmdKeySet, CmdChlng, CmdSCrypt, CmdACURxSize:
		return 0
	}
	return c.submit(code, data)
}

func (c *CP) submit(code byte, data []byte) uint16 {
	if !c.secure || len(data) > MaxData || sealedSize(len(data), !c.cfg.Checksum) > c.peer {
		return 0
	}
	return c.queue.put(code, data)
}

// Rekey gives the device a new base key through Secure Channel. When the device
// acknowledges, the panel uses it too and starts afresh. Until the notice
// [Secured] has come after [KeyChanged] either key may be the one in force: keep
// both.
func (c *CP) Rekey(key *[16]byte) (ticket uint16) {
	if !usable(key) || c.queue.holds(CmdKeySet) || c.flight.up && c.flight.command == CmdKeySet {
		return 0
	}
	if ticket = c.submit(CmdKeySet, c.scratch[:putKeySet(c.scratch[:], key)]); ticket != 0 {
		c.newKey = *key
	}
	return ticket
}

// Online reports whether Secure Channel is up.
func (c *CP) Online() bool { return c.secure }

// Room is the longest data that a command to this device may have.
func (c *CP) Room() int {
	n := MaxData
	for n > 0 && sealedSize(n, !c.cfg.Checksum) > c.peer {
		n--
	}
	return n
}

// Identity is what the device said about itself, first outside the channel, so
// that it is authentic only once Online has been true for a while.
func (c *CP) Identity() (id Identity, ok bool) { return c.id, c.known }

// Capabilities is the device's list, as authentic as Identity.
func (c *CP) Capabilities() []Capability { return c.caps[:c.capsN] }

// Stats counts since Init.
func (c *CP) Stats() Stats { return c.stats }
