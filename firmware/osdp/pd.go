package osdp

// Action is what the caller has to do next.
type Action byte

// The actions. Each call of Feed or Tick returns at most one.
const (
	// Wait means that there is nothing to do.
	Wait Action = iota

	// Send means that Out holds a packet to write to the line at once.
	Send

	// Handle means that a device's Command wants an answer, through Reply.
	Handle

	// Deliver means that a panel's Reply holds an outcome.
	Deliver
)

// Nonce is where random bytes come from. Fill must write eight bytes that no
// session before used and that nobody can predict, or return false: then no
// Secure Channel comes up. A constant here breaks Secure Channel.
type Nonce interface {
	Fill(dst *[8]byte) bool
}

// Identity is what a device answers to ID: who made it.
type Identity struct {
	Vendor   [3]byte // IEEE OUI
	Model    byte
	Version  byte
	Serial   uint32
	Firmware [3]byte // major, minor, build
}

// Capability is one record of a device's CAP answer (OSDP v2.2, annex B).
type Capability struct {
	Function byte
	Level    byte
	Items    byte
}

// MaxCapabilities bounds the list of a CAP answer.
const MaxCapabilities = 16

// PDConfig says how a device behaves. The zero value of a time means its
// default.
type PDConfig struct {
	Address byte     // 0 … 0x7E
	Key     [16]byte // SCBK; all zero: no key, so no Secure Channel ever
	ID      Identity

	Caps    [MaxCapabilities]Capability
	CapsLen int

	// ConfigAddress makes the device answer to address 0x7F as well, by the same
	// rules as to its own.
	ConfigAddress bool

	Nonce Nonce // must not be nil when Key is set

	OfflineMS uint32 // the panel counts as lost after this silence; default 8,000
	CharMS    uint32 // a packet with a longer gap in it is given up; default 20
}

// Command is what a panel wants, taken out of Secure Channel.
type Command struct {
	Code byte
	Data []byte // valid until the next Feed

	// Confirmed is true when the panel is known to have received what the
	// application replied to the Command before this one: the MAC of a command
	// is chained to the reply before it. When it is false, that reply may be
	// lost, and what it carried must be sent again.
	Confirmed bool

	// Again is true when the panel repeats a command that Busy answered.
	Again bool
}

// Deferred is the code to give to Reply for "busy, ask again".
const Deferred = ReplyBusy

// PD is the device's end of the line. It speaks only when it is spoken to. Set
// it up with Init; its zero value answers nothing.
type PD struct {
	notices

	cfg     PDConfig
	ready   bool
	key     [16]byte
	address byte
	limit   int // longest packet that the panel takes
	stats   Stats

	rx   receiver
	tx   builder // the last reply that counted, kept for a repeat
	side builder // BUSY and refusals that must leave tx alone
	out  *builder

	sess    session
	secure  bool
	proving bool // CHLNG was answered, SCRYPT is awaited
	ours    bool // the channel's panel speaks our vendor commands, so that it is our own
	panel   [8]byte
	device  [8]byte
	proof   [16]byte

	sequence byte   // of the last command that counted
	same     uint32 // fingerprint of that command's packet
	answered bool   // tx holds the reply to it
	to       byte   // the address that it came to

	cmd      Command
	pending  bool // cmd waits for Reply
	inside   bool // cmd came through Secure Channel
	busy     bool // cmd was answered by BUSY the last time
	asked    bool // cmd was handed to the application
	unproven bool // nothing proves yet that the application's last reply arrived
	reached  bool // something did; Handle has not told
	scratch  [MaxData]byte

	heardAt  uint32
	online   bool
	heard    bool // any packet since Init or since the panel was lost
	bursting bool // packets have been wrong since the last good one
}

// Init sets the device up afresh. It returns false, and the device stays mute,
// when the configuration is impossible: an address above 0x7E, the default key,
// a key without a source of nonces, or more capabilities than there is room for.
func (p *PD) Init(cfg *PDConfig) bool {
	*p = PD{}
	keyed := cfg.Key != [16]byte{}
	if cfg.Address >= ConfigAddress || cfg.CapsLen < 0 || cfg.CapsLen > MaxCapabilities ||
		keyed && (!usable(&cfg.Key) || cfg.Nonce == nil) {
		return false
	}
	p.cfg = *cfg
	p.cfg.Key = [16]byte{}
	p.key, p.address = cfg.Key, cfg.Address
	if p.cfg.OfflineMS == 0 {
		p.cfg.OfflineMS = 8000
	}
	if p.cfg.CharMS == 0 {
		p.cfg.CharMS = 20
	}
	p.limit, p.out, p.ready = MinFrame, &p.tx, true
	return true
}

// Feed takes one byte from the line at now, in ms of a clock that may wrap.
func (p *PD) Feed(now uint32, b byte) Action {
	if !p.ready {
		return Wait
	}
	p.pending = false
	return p.take(now, p.rx.feed(now, p.cfg.CharMS, b))
}

// Tick lets time pass. Call it at least every 10 ms.
func (p *PD) Tick(now uint32) Action {
	if !p.ready {
		return Wait
	}
	p.pending = false
	if p.online && now-p.heardAt > p.cfg.OfflineMS {
		p.online, p.heard = false, false
		p.close(Offline)
		p.tell(Offline, 0)
	}
	return p.take(now, p.rx.tick(now, p.cfg.CharMS))
}

// Command is what the panel wants, after Handle and until the next Feed or Tick.
func (p *PD) Command() *Command { return &p.cmd }

// Scratch is a place to build a reply's data in; Reply may be given a part of
// it.
func (p *PD) Scratch() []byte { return p.scratch[:] }

// Out is the packet to write, valid until the next Feed or Tick.
func (p *PD) Out() []byte {
	if p.out == nil {
		return nil
	}
	return p.out.out()
}

// Secure reports whether Secure Channel is up.
func (p *PD) Secure() bool { return p.secure }

// Online reports whether an authentic command came within the offline time.
// When it is false, what the panel allowed and nobody used must be revoked.
func (p *PD) Online() bool { return p.online }

// Address is the device's address, which COMSET may have changed.
func (p *PD) Address() byte { return p.address }

// Stats counts since Init.
func (p *PD) Stats() Stats { return p.stats }

// close ends the channel. why goes into the notice.
func (p *PD) close(why NoticeKind) {
	if p.secure {
		p.tell(Closed, byte(why))
	}
	p.secure, p.proving, p.ours, p.unproven, p.answered = false, false, false, false, false
	p.sess.wipe()
	p.limit = MinFrame
}
