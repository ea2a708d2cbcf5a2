// Package osdp speaks SIA OSDP v2.2 (IEC 60839-11-5) for both ends of the
// line: [CP] is the panel's end, which a gate runs, and [PD] is the device's
// end, which the turnstile's controller runs. The same code runs on both.
//
// It is a codec and two state machines and nothing else. It opens no port,
// reads no clock, logs nothing, stores nothing and starts nothing: bytes and
// milliseconds come in through Feed and Tick, and what to do comes out as an
// [Action]. It decides nothing about lanes or people. It allocates nothing, so
// that it links with TinyGo's -gc=none; neither end may be used by two
// goroutines at once.
//
// # Who is trusted
//
// Nobody on the wire. The one shared secret is the Secure Channel base key
// (SCBK), which is brought to both ends by hand. Without it a peer can learn
// who a device is (ID, CAP) and that it is alive (POLL), and it can jam the
// line; it can neither unlock nor read a contact. There is no default key
// (SCBK-D is refused even when configured), no install mode, and no reply of
// the peer makes either end weaker. What is refused is told as a [Notice], so
// that somebody can look.
//
// # How strict it is
//
// Inside Secure Channel a command or a reply that carries data must be
// enciphered (SCS_17, SCS_18): one that only has a MAC is refused, the channel
// is closed and a notice tells why. A device hands KEYSET, COMSET and every
// other command to its application only when it came through Secure Channel.
//
// The protocol's own limits stay: OSDP's MAC is 32 bits on the wire, its
// sequence number has two bits, and somebody who can cut the wire can stop it.
package osdp
