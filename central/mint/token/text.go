package token

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a token's text, in bytes. Name and symbol are what wallets show.
const (
	MaxName   = 32
	MaxSymbol = 10
	MaxURI    = 200
	MaxPair   = 64   // of a pair's value, as Describe clips it
	maxText   = 1024 // of all together; more than any transaction holds
)

// Symbol is that of every ticket.
const Symbol = "TICKET"

// Text is what a ticket's token says about it. The ticket's own number is not among it.
type Text struct {
	Event, Date, Zone, Seat, Class string
	URI                            string // where the metadata JSON is, which has all of it unclipped
}

// Describe makes the text of a ticket's spec: the name is the event's, cut to [MaxName],
// and each of the others is a pair, cut to [MaxPair]; one that is empty is left out. What
// it makes fits a transaction. An error wraps [ErrText] or, of the link, [ErrTooLarge].
func Describe(t Text) (Spec, error) {
	s := Spec{Name: Clip(t.Event, MaxName), Symbol: Symbol, URI: t.URI}
	for _, p := range []Pair{{"event", t.Event}, {"date", t.Date}, {"zone", t.Zone}, {"seat", t.Seat}, {"class", t.Class}} {
		if err := checkText(p.Key, p.Value); err != nil {
			return Spec{}, err
		}
		if p.Value != "" {
			s.Extra = append(s.Extra, Pair{p.Key, Clip(p.Value, MaxPair)})
		}
	}
	return s, s.check()
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
