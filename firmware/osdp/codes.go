package osdp

// Commands, which a panel sends (OSDP v2.2, table 1).
const (
	CmdPoll         = 0x60
	CmdID           = 0x61
	CmdCap          = 0x62
	CmdLStat        = 0x64
	CmdIStat        = 0x65
	CmdOStat        = 0x66
	CmdRStat        = 0x67
	CmdOut          = 0x68
	CmdLED          = 0x69
	CmdBuz          = 0x6A
	CmdText         = 0x6B
	CmdComSet       = 0x6E
	CmdKeySet       = 0x75
	CmdChlng        = 0x76
	CmdSCrypt       = 0x77
	CmdACURxSize    = 0x7B
	CmdFileTransfer = 0x7C
	CmdMfg          = 0x80
	CmdAbort        = 0xA2
	CmdKeepActive   = 0xA7
)

// Replies, which a device sends (OSDP v2.2, table 2).
const (
	ReplyAck    = 0x40
	ReplyNak    = 0x41
	ReplyPDID   = 0x45
	ReplyPDCap  = 0x46
	ReplyLStat  = 0x48
	ReplyIStat  = 0x49
	ReplyOStat  = 0x4A
	ReplyRStat  = 0x4B
	ReplyCom    = 0x54
	ReplyCCrypt = 0x76
	ReplyRMacI  = 0x78
	ReplyBusy   = 0x79
	ReplyFTStat = 0x7A
	ReplyMfg    = 0x90
)

// Nak is why a device refused a command.
type Nak byte

// The reasons of OSDP v2.2, table 47.
const (
	NakCheck      Nak = 1 // CRC or checksum wrong
	NakLength     Nak = 2 // the command's data have the wrong length
	NakUnknown    Nak = 3 // the device does not know the command
	NakSequence   Nak = 4 // unexpected sequence number
	NakSecurity   Nak = 5 // this security block is not supported
	NakConditions Nak = 6 // the command demands a Secure Channel that is up
	NakBioType    Nak = 7
	NakBioFormat  Nak = 8
	NakRecord     Nak = 9 // the device cannot do what the command says
)

// ConfigAddress is the address that any device answers to that was told to; it
// is meant for a line with one device on it.
const ConfigAddress = 0x7F

// Security block types.
const (
	scs11 = 0x11 // CHLNG
	scs12 = 0x12 // CCRYPT
	scs13 = 0x13 // SCRYPT
	scs14 = 0x14 // RMAC_I
	scs15 = 0x15 // command, MAC only
	scs16 = 0x16 // reply, MAC only
	scs17 = 0x17 // command, enciphered data and MAC
	scs18 = 0x18 // reply, enciphered data and MAC
)

// Sizes, in bytes.
const (
	// MaxFrame bounds a packet, without the mark byte, on both ends. Anything
	// longer is line noise.
	MaxFrame = 256

	// MaxData bounds the data of one command or reply: what fits a packet of
	// MaxFrame inside Secure Channel, with its block, MAC, CRC and padding.
	MaxData = 239

	// MinFrame is the receive buffer that every device has at least.
	MinFrame = 128
)
