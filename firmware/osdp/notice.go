package osdp

// NoticeKind says what a [Notice] is about.
type NoticeKind byte

// What either end tells beside its actions. The refusals are worth a log line
// and a counter: none of them happens on a healthy line to a healthy peer.
const (
	NoNotice NoticeKind = iota

	Secured // Secure Channel is up
	Closed  // Secure Channel is down again; Detail is the reason as a NoticeKind or 0
	Offline // nothing valid was heard for the offline time
	Heard   // first valid packet after start or after Offline; not yet authentic

	BadCheck    // a packet's CRC or checksum was wrong; counted, told once a burst
	BadSequence // an unexpected sequence number was refused
	BadMAC      // a MAC or an enciphered block was wrong: forged, or a lost packet
	BadProof    // the peer's cryptogram was wrong: it does not know our key

	RefusedDefaultKey  // the peer wanted or offered the default key
	RefusedPlain       // a command or reply came outside Secure Channel that must not; Detail is its code
	RefusedUnencrypted // data came with a MAC but in the clear; Detail is its code
	RefusedKey         // KEYSET wanted a key that must not be used
	RefusedNonce       // the source of nonces failed, or the peer sent our own nonce back

	KeyChanged     // a new base key is in force from the next channel on
	AddressChanged // Detail is the new address
	Refused        // CP: the device answered NAK; Detail is the Nak
)

// Notice is something worth telling that is no action.
type Notice struct {
	Kind   NoticeKind
	Detail byte
}

const maxNotices = 8

// notices keeps the oldest notices that nobody took; later ones are dropped,
// the counters in Stats are not.
type notices struct {
	ring    [maxNotices]Notice
	head, n byte
}

func (q *notices) tell(k NoticeKind, detail byte) {
	if q.n == maxNotices {
		return
	}
	q.ring[(q.head+q.n)%maxNotices] = Notice{k, detail}
	q.n++
}

// Notice takes the oldest notice; ok is false when there is none.
func (q *notices) Notice() (n Notice, ok bool) {
	if q.n == 0 {
		return n, false
	}
	n = q.ring[q.head]
	q.head = (q.head + 1) % maxNotices
	q.n--
	return n, true
}

// Stats counts since Init; each wraps at 2^32.
type Stats struct {
	Packets     uint32 // valid packets for this end
	BadCheck    uint32 // packets with a wrong CRC or checksum
	BadMAC      uint32
	BadSequence uint32
	Repeats     uint32 // PD: repeated commands answered from memory; CP: commands sent again
	Handshakes  uint32 // Secure Channels that came up
	Downgrades  uint32 // attempts to get by with less security, all refused
}
