// Package mail sends letters of plain text, one recipient each, by SMTP or into a
// folder of files.
//
// It knows neither people nor what is written, keeps no queue and tries nothing
// again: whoever calls does. A letter that is handed over twice has the same
// Message-ID, so that whoever reads it sees that it is the same. It reads no mail
// and takes no bounces.
//
// The relay is trusted with what the letters say, once its certificate has been
// verified; without TLS nothing is sent but to this machine itself. Recipients and
// subjects may come from strangers: what could begin another header, name another
// recipient or give the relay a command is refused. No error names a recipient, so
// that errors may be logged.
package mail

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// Errors that callers branch on. Any other may pass: try again later.
var (
	// ErrMessage means that the letter itself cannot be sent, by any server.
	ErrMessage = errors.New("letter is not fit to be sent")

	// ErrRefused means that the server will not take this letter, ever.
	ErrRefused = errors.New("mail server refused the letter for good")

	// ErrConfig means that a sender cannot work as it is configured.
	ErrConfig = errors.New("mail configuration is wrong")
)

// Limits of a letter, in bytes.
const (
	maxID      = 64
	maxAddress = 254 // RFC 5321, 4.5.3.1.3
	maxSubject = 300
	maxText    = 64 << 10
)

// Message is a letter.
type Message struct {
	// ID is what the letter's Message-ID and file are named for: 1 to 64 letters,
	// digits, hyphens and underscores. Two letters with one ID are one letter.
	ID string

	To       string // one plain address in ASCII: name@example.org
	Language string // of the text: "ko", "en"
	Subject  string // one line
	Text     string // lines that end in \n
	Date     time.Time
}

// Sender sends letters. It must return an error wrapping [ErrMessage] or
// [ErrRefused] if it is no use to try again, and be safe for concurrent use.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// check refuses whatever could become more than this one letter.
func (m *Message) check() error {
	switch {
	case !Word(m.ID, maxID):
		return fmt.Errorf("id: %w", ErrMessage)
	case !plainAddress(m.To):
		return fmt.Errorf("recipient: %w", ErrMessage)
	case !Word(m.Language, 8):
		return fmt.Errorf("language: %w", ErrMessage)
	case m.Subject == "" || len(m.Subject) > maxSubject || strings.ContainsFunc(m.Subject, control):
		return fmt.Errorf("subject: %w", ErrMessage)
	case m.Text == "" || len(m.Text) > maxText || strings.ContainsFunc(m.Text, func(r rune) bool { return control(r) && r != '\n' && r != '\t' }):
		return fmt.Errorf("text: %w", ErrMessage)
	case m.Date.IsZero():
		return fmt.Errorf("date: %w", ErrMessage)
	}
	return nil
}

// control reports what is no part of a line: control characters, and those that
// some programs end a line at.
func control(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r == '\ufffd'
}

// Word reports whether s is 1 to most letters, digits, hyphens and underscores.
func Word(s string, most int) bool {
	const word = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	return s != "" && len(s) <= most && strings.Trim(s, word) == ""
}

// plainAddress reports whether s is local@domain of characters that mean nothing
// to a mail server or in a header.
func plainAddress(s string) bool {
	const (
		alnum  = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		locals = alnum + ".!#$%&'*+/=?^_`{|}~-"
	)
	local, domain, ok := strings.Cut(s, "@")
	return ok && len(s) <= maxAddress && local != "" && domain != "" &&
		every(local, locals) && every(domain, alnum+".-") && domain[0] != '-'
}

// every reports whether s is of characters of set alone.
func every(s, set string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune(set, r) })
}

// compose makes the letter as it travels. Its Message-ID follows from its ID and
// the sender's domain.
func compose(from Address, m *Message) (*gomail.Msg, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	out := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := errors.Join(out.FromFormat(from.Name, from.Mailbox), out.EnvelopeFrom(from.Mailbox), out.To(m.To)); err != nil {
		return nil, ErrMessage // the error names the recipient
	}
	out.Subject(strings.ReplaceAll(m.Subject, "=?", "= ?")) // else readers take it for an encoded word
	out.SetMessageIDWithValue(m.ID + "@" + from.domain())
	out.SetDateWithValue(m.Date)
	out.SetGenHeader("Content-Language", m.Language)
	out.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no automatic answers, please
	out.SetBodyString(gomail.TypeTextPlain, m.Text)
	return out, nil
}

// Address is whom letters are from.
type Address struct {
	Name    string // as readers see it; may be empty
	Mailbox string // name@example.org
}

// ParseAddress reads "Name <name@example.org>" or an address alone. The error is
// [ErrConfig].
func ParseAddress(s string) (Address, error) {
	a := Address{Mailbox: strings.Trim(s, " ")}
	if name, rest, ok := strings.Cut(s, "<"); ok {
		mailbox, after, closed := strings.Cut(rest, ">")
		if !closed || strings.Trim(after, " ") != "" {
			return Address{}, fmt.Errorf("%q is not Name <name@example.org>: %w", s, ErrConfig)
		}
		a = Address{Name: strings.Trim(name, " "), Mailbox: strings.Trim(mailbox, " ")}
	}
	return a, a.check()
}

func (a Address) check() error {
	if !plainAddress(a.Mailbox) || len(a.Name) > 100 || strings.ContainsFunc(a.Name, func(r rune) bool { return control(r) || strings.ContainsRune(`"<>@,;\`, r) }) {
		return fmt.Errorf("%q, %q is nobody that letters can be from: %w", a.Name, a.Mailbox, ErrConfig)
	}
	return nil
}

func (a Address) domain() string {
	_, domain, _ := strings.Cut(a.Mailbox, "@")
	return domain
}
