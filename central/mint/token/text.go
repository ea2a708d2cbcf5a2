package token

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a token's text, in bytes.
const (
	MaxName   = 32 // what wallets show
	MaxSymbol = 10
	MaxURI    = 200
	MaxPair   = 64 // of a pair's value, as Describe makes it

	minPair = 8    // a value that would have to be shorter is not worth its place
	maxText = 1024 // of all together; more than any transaction holds
)

// What there is room for in the largest transaction that mints one token: two signers,
// and lamports at the mint's address. TestLongestText holds it to that.
const (
	textRoom  = 360 // all of the text, each pair with pairCost
	groupCost = 118 // less, if it is to be a member of a collection
	pairCost  = 22
)

// Symbol is that of every ticket.
const Symbol = "TICKET"

// Text is what a ticket's token says about it. The ticket's own number is not among it.
type Text struct {
	Event, Date, Zone, Seat, Class string
	URI                            string // where the metadata JSON is, which has all of it in full

	// Group is the address of the collection's mint; zero for none. The event and its
	// date are then said there.
	Group Key
}

// Describe makes the text of a ticket's spec. The name is the event's, cut to [MaxName].
// The others, and the event again, are pairs, cut to [MaxPair] or as much less as it
// takes for all to fit one transaction; one that is empty is left out. An error wraps
// [ErrText], or [ErrTooLarge] if the link leaves no room.
func Describe(t Text) (Spec, error) {
	s := Spec{Name: Clip(t.Event, MaxName), Symbol: Symbol, URI: t.URI, Group: t.Group}
	room := textRoom - len(s.Name) - len(s.Symbol) - len(s.URI)
	all := []Pair{{"event", t.Event}, {"date", t.Date}, {"zone", t.Zone}, {"seat", t.Seat}, {"class", t.Class}}
	if t.Group != (Key{}) {
		room -= groupCost
		all = all[2:]
	}
	for _, p := range all {
		if err := checkText(p.Key, p.Value); err != nil {
			return Spec{}, err
		}
		if p.Value != "" {
			s.Extra = append(s.Extra, p)
			room -= pairCost + len(p.Key)
		}
	}
	if !s.shorten(room) {
		return Spec{}, fmt.Errorf("%w: link of %d bytes", ErrTooLarge, len(s.URI))
	}
	return s, s.check()
}

// shorten cuts the longest of a spec's values until all have room.
func (s *Spec) shorten(room int) bool {
	for most := MaxPair; most >= minPair; most-- {
		sum := 0
		for _, p := range s.Extra {
			sum += len(Clip(p.Value, most))
		}
		if sum <= room {
			for i := range s.Extra {
				s.Extra[i].Value = Clip(s.Extra[i].Value, most)
			}
			return true
		}
	}
	return false
}

// Clip cuts a text to at most n bytes, between two runes, and drops the space that this
// leaves at its end.
func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.TrimRightFunc(s[:n], unicode.IsSpace)
}

// check reports what keeps a spec's text from being put on chain.
func (s *Spec) check() error {
	if s.Name == "" || s.URI == "" {
		return fmt.Errorf("%w: neither name nor link may be empty", ErrText)
	}
	if len(s.Name) > MaxName || len(s.Symbol) > MaxSymbol || len(s.URI) > MaxURI {
		return fmt.Errorf("%w: name of %d, symbol of %d, link of %d bytes", ErrTooLarge, len(s.Name), len(s.Symbol), len(s.URI))
	}
	total := len(s.Name) + len(s.Symbol) + len(s.URI)
	keys := make(map[string]bool, len(s.Extra))
	for _, p := range s.Extra {
		if p.Key == "" || keys[p.Key] {
			return fmt.Errorf("%w: key %q is empty or twice there", ErrText, p.Key)
		}
		keys[p.Key] = true
		if err := checkText("key", p.Key); err != nil {
			return err
		}
		if err := checkText("value", p.Value); err != nil {
			return err
		}
		total += len(p.Key) + len(p.Value)
	}
	if total > maxText {
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, total)
	}
	for _, f := range []Pair{{"name", s.Name}, {"symbol", s.Symbol}, {"link", s.URI}} {
		if err := checkText(f.Key, f.Value); err != nil {
			return err
		}
	}
	return nil
}

// checkText refuses what the program cannot decode and what no screen should be sent.
func checkText(what, s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("%w: %s is not UTF-8", ErrText, what)
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		return fmt.Errorf("%w: %s has control characters", ErrText, what)
	}
	return nil
}
