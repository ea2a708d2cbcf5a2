package engine

import (
	"strings"
	"unicode"

	"github.com/con-ting/conting/sync/pass"
)

// alphabet is that of our texts: base45.
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

// layout is how our texts come out when an engine types for another layout than
// the US one: the character that we read, and the one that was meant. What is not
// listed is the same on both.
type layout struct {
	name        string
	read, meant string
}

func layouts() []layout {
	return []layout{
		{"French", "!@#$%^&*()qawzQAWZ:.<>6\\]\"012345789", "1234567890aqzwAQZWM:./-*$%?????????"},
		{"German, Italian, Spanish or Nordic", "/&>]}", "-/:+*"}, // Y and Z of the German one change places, unseen
	}
}

func (l layout) undo(text string) string {
	return strings.Map(func(r rune) rune {
		if i := strings.IndexRune(l.read, r); i >= 0 {
			return rune(l.meant[i])
		}
		return r
	}, text)
}

// ours reports whether a text has the form of one of ours.
func ours(text string) bool {
	return len(text) > 4 && text[:2] == "CT" && text[2] >= 'A' && text[2] <= 'Z' && text[3] >= '0' && text[3] <= '9' &&
		strings.Trim(text, alphabet) == ""
}

// suspect returns what a piece gives away about an engine that is not set up as
// it should be, as something to do; empty when nothing is wrong. A code of
// somebody else's gives nothing away.
func suspect(p piece) string {
	switch {
	case strings.HasPrefix(p.text, "\x02CT"):
		return "the engine frames codes with STX and ETX: set [engine] framing = \"stx\""
	case p.kind == noise && strings.ContainsFunc(p.text, unreadable):
		return "the line carries noise: check the baud rate, parity and data bits of engine and gate.toml, and the cable"
	case p.kind == half && complete(p.text):
		return "the engine sends no end: set its suffix to CR (Enter)"
	case p.kind == lost:
		return "the engine types faster than the machine reads: let it pause between keys, and scan again"
	case p.kind != whole || ours(p.text):
		return ""
	case ours(strings.Map(swapCase, p.text)):
		return "the engine types as if CapsLock were on: switch that off in its settings"
	}
	for _, l := range layouts() {
		if ours(l.undo(p.text)) {
			return "the engine types for a keyboard of another layout (" + l.name + "): set it to US English"
		}
	}
	if len(p.text) > 4 && ours(p.text[:4]+"0") {
		return "the engine alters codes: switch off its prefixes, suffixes other than Enter, and conversions"
	}
	return ""
}

// unreadable reports what no engine sends for a code.
func unreadable(r rune) bool { return r == '\uFFFD' || r == 0 }

// complete reports whether a text is a whole code of ours.
func complete(text string) bool {
	if _, err := pass.Parse(text); err == nil {
		return true
	}
	_, err := pass.ParsePart(text)
	return err == nil
}

func swapCase(r rune) rune {
	if unicode.IsUpper(r) {
		return unicode.ToLower(r)
	}
	return unicode.ToUpper(r)
}
