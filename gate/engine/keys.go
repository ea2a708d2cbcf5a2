package engine

import (
	"encoding/binary"
	"math/bits"
)

// The events and keys of linux/input-event-codes.h that text is made of.
const (
	evSyn, evKey          = 0, 1
	synReport, synDropped = 0, 3

	keyTab, keyEnter, keyKPEnter      = 15, 28, 96
	keyLeftShift, keyRightShift       = 42, 54
	keyLeftCtrl, keyRightCtrl         = 29, 97
	keyLeftAlt, keyRightAlt           = 56, 100
	keyLeftMeta, keyRightMeta         = 125, 126
	keyCapsLock, keyNumLock           = 58, 69
	keyJ, keyM, keyA, keyZ, key1      = 36, 50, 30, 44, 2
	keysHeld                          = 96 // bytes of the kernel's map of held keys (KEY_MAX/8, rounded up)
	released, pressed                 = 0, 1
	eventTail                         = 8                           // type, code and value behind the time
	eventSize                         = bits.UintSize/4 + eventTail // struct input_event
	unknownKey                   byte = '?'                         // of no pass, so that its text is refused
)

// layoutUS is what each key types, without and with shift. A key with neither
// types nothing.
type layoutUS [128][2]byte

func newLayoutUS() *layoutUS {
	var us layoutUS
	row := func(first int, plain, shifted string) {
		for i := range len(plain) {
			us[first+i] = [2]byte{plain[i], shifted[i]}
		}
	}
	row(2, "1234567890-=", "!@#$%^&*()_+")
	row(16, "qwertyuiop[]", "QWERTYUIOP{}")
	row(30, "asdfghjkl;'`", `ASDFGHJKL:"~`)
	row(43, `\zxcvbnm,./`, "|ZXCVBNM<>?")
	row(57, " ", " ")
	row(86, "<", ">")                         // beside Z, on keyboards of other countries
	row(71, "789-456+1230.", "789-456+1230.") // the number pad, as with NumLock
	row(55, "*", "*")
	row(98, "/", "/")
	return &us
}

// keys is the parser of a keyboard's events: the kernel's struct input_event, in
// this machine's size and order.
type keys struct {
	us   *layoutUS
	held func() (down [keysHeld]byte, err error) // asks the kernel, after it lost events

	part     []byte // of an event that has not come whole
	text     []byte
	begun    bool // a code is being typed
	long     bool // it is too long
	skip     bool // a part of it was lost
	dropping bool // events are stale until the next report
	caps     bool
	down     [keysHeld]byte // what of the modifiers is held
}

func newKeys(held func() ([keysHeld]byte, error)) *keys {
	return &keys{us: newLayoutUS(), held: held, part: make([]byte, 0, eventSize), text: make([]byte, 0, MaxText)}
}

func (k *keys) open() bool { return k.begun }

func (k *keys) feed(data []byte, take func(piece)) {
	for _, b := range data {
		if k.part = append(k.part, b); len(k.part) < eventSize {
			continue
		}
		tail := k.part[eventSize-eventTail:]
		k.part = k.part[:0]
		k.event(binary.NativeEndian.Uint16(tail), binary.NativeEndian.Uint16(tail[2:]), binary.NativeEndian.Uint32(tail[4:]), take)
	}
}

func (k *keys) event(kind, code uint16, value uint32, take func(piece)) {
	switch {
	case kind == evSyn && code == synDropped:
		k.dropping = true
	case k.dropping:
		if kind == evSyn && code == synReport {
			k.recover(take)
		}
	case kind != evKey || int(code) >= len(k.us) || value != pressed && value != released:
		// not of text, or a key that is held and repeats itself
	case modifier(code):
		k.set(code, value == pressed)
	case value == pressed:
		k.press(code, take)
	}
}

// recover goes on after the kernel lost events. The code that was being typed is
// gone, and so is what follows of it; or of the next, if the end of the first was
// lost too.
func (k *keys) recover(take func(piece)) {
	k.dropping, k.caps = false, false
	k.text, k.begun, k.skip, k.long = k.text[:0], true, true, false
	var err error
	if k.down, err = k.held(); err != nil {
		k.down = [keysHeld]byte{}
	}
	take(piece{kind: lost})
}

func (k *keys) press(code uint16, take func(piece)) {
	ctrl := k.is(keyLeftCtrl, keyRightCtrl)
	switch {
	case code == keyCapsLock:
		k.caps = !k.caps
	case code == keyNumLock:
	case code == keyEnter, code == keyKPEnter, code == keyTab, ctrl && (code == keyJ || code == keyM):
		k.end(take, whole)
	case len(k.text) == MaxText:
		k.begun, k.long = true, true
	default:
		if b := k.types(code, ctrl); b != 0 {
			k.begun = true
			k.text = append(k.text, b)
		}
	}
}

// types returns the character of a key, or 0.
func (k *keys) types(code uint16, ctrl bool) byte {
	b := k.us[code]
	if b[0] != 0 && (ctrl || k.is(keyLeftAlt, keyRightAlt, keyLeftMeta, keyRightMeta)) {
		return unknownKey
	}
	shift := k.is(keyLeftShift, keyRightShift)
	if k.caps && b[0] >= 'a' && b[0] <= 'z' {
		shift = !shift
	}
	if shift {
		return b[1]
	}
	return b[0]
}

// end closes what was typed, as a whole code or half of one.
func (k *keys) end(take func(piece), as kind) {
	text, long, skip := string(k.text), k.long, k.skip
	k.text, k.begun, k.long, k.skip = k.text[:0], false, false, false
	switch {
	case skip: // that it was lost is said
	case long:
		take(piece{kind: noise, text: text})
	case text != "":
		take(piece{kind: as, text: text})
	}
}

func (k *keys) silence(take func(piece)) {
	k.caps = false // an engine that presses it to type a code, presses it again after
	k.end(take, half)
}

func modifier(code uint16) bool {
	switch code {
	case keyLeftShift, keyRightShift, keyLeftCtrl, keyRightCtrl, keyLeftAlt, keyRightAlt, keyLeftMeta, keyRightMeta:
		return true
	}
	return false
}

func (k *keys) set(code uint16, down bool) {
	if down {
		k.down[code/8] |= 1 << (code % 8)
	} else {
		k.down[code/8] &^= 1 << (code % 8)
	}
}

// is reports whether one of the keys is held.
func (k *keys) is(codes ...uint16) bool {
	for _, c := range codes {
		if k.down[c/8]&(1<<(c%8)) != 0 {
			return true
		}
	}
	return false
}
