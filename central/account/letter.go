package account

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/con-ting/conting/central/mail"
	"github.com/con-ting/conting/sync/ticket"
)

// Errors about letters.
var (
	ErrLetter = errors.New("the letter's link was used, is too old, or was made up")
	ErrNoMail = errors.New("central sends no letters")
)

// LetterID names a letter, and is no secret.
type LetterID [16]byte

// String is its hexadecimal form.
func (id LetterID) String() string { return hex.EncodeToString(id[:]) }

// Topic is what a letter is about.
type Topic string

// The topics. The first three carry a link that works once.
const (
	LetterJoin   Topic = "join"   // make an account with a password
	LetterReset  Topic = "reset"  // set a new password
	LetterVerify Topic = "verify" // confirm the address

	LetterPassword Topic = "password" // the password was changed
	LetterPasskey  Topic = "passkey"  // a passkey was added
	LetterDeleted  Topic = "deleted"  // the account is gone

	letterExists Topic = "exists" // what LetterJoin becomes if there is an account
)

// Language is that of a letter.
type Language string

// The languages. None is English.
const (
	Korean  Language = "ko"
	English Language = "en"
)

// UnmarshalText reads a language that there is, or none.
func (l *Language) UnmarshalText(text []byte) error {
	switch v := Language(text); v {
	case "", Korean, English:
		*l = v
		return nil
	}
	return fmt.Errorf("no letters are written in this language, want ko or en: %w", ticket.ErrInvalid)
}

func (l Language) known() Language {
	if l == Korean {
		return Korean
	}
	return English
}

// Letter is a letter as kept until it is sent and its link has ended. It holds no
// link: what a link carries follows from the id and a key that is not in the
// database, and is made when the letter is sent.
type Letter struct {
	ID       LetterID
	Topic    Topic
	Email    string
	Account  string // whom it is about; empty for whoever has the address then
	Language Language
	Facts    Facts
	Created  time.Time
	Expires  time.Time // of its link, or of any sense in sending it
	Due      time.Time
	Tries    int
}

// Facts is what news is about.
type Facts struct {
	Event string `json:"event,omitempty"`
	Until string `json:"until,omitempty"`
}

// Lifetimes of letters, and how many may be under way to one address.
const (
	// LinkLifetime is how long a letter's link works.
	LinkLifetime = 30 * time.Minute

	noticeLifetime = 24 * time.Hour
	maxLetters     = 3 // of each topic
	maxNotices     = 20
)

func letterKey(challengeKey [32]byte) (key [32]byte, err error) {
	raw, err := hkdf.Key(sha256.New, challengeKey[:], nil, "conting/account/letter/v1", sha256.Size)
	copy(key[:], raw)
	return key, err
}

// newLetter is a letter to be sent now.
func (a *Accounts) newLetter(t Topic, email, account string, lang Language) (Letter, error) {
	raw, err := a.random(len(LetterID{}))
	if err != nil {
		return Letter{}, err
	}
	now, life := a.cfg.Now(), noticeLifetime
	if t.linked() {
		life = LinkLifetime
	}
	return Letter{ID: LetterID(raw), Topic: t, Email: email, Account: account, Language: lang.known(), Created: now, Expires: now.Add(life), Due: now}, nil
}

func (t Topic) linked() bool { return t == LetterJoin || t == LetterReset || t == LetterVerify }

// order stores a letter. What happens is the same whether or not the address has an
// account: who gets what is decided when it is sent, out of the caller's sight.
func (a *Accounts) order(ctx context.Context, t Topic, email, account string, lang Language) error {
	if a.cfg.Mail == nil {
		return ErrNoMail
	}
	l, err := a.newLetter(t, email, account, lang)
	if err != nil {
		return err
	}
	most := maxLetters
	if !t.linked() {
		most = maxNotices
	}
	if err := a.cfg.Store.AddLetter(ctx, l, most); err != nil {
		return err
	}
	a.poke()
	return nil
}

// notify tells somebody what was done with their account. That it was done does not
// depend on it.
func (a *Accounts) notify(ctx context.Context, t Topic, acc Account) {
	if !acc.Verified || a.cfg.Mail == nil {
		return
	}
	if err := a.order(ctx, t, acc.Email, acc.ID, acc.Language); err != nil {
		a.cfg.Logger.ErrorContext(ctx, "a letter was not stored", slog.String("topic", string(t)), slog.Any("error", err))
	}
}

// poke wakes whoever sends letters.
func (a *Accounts) poke() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// A letter's token is its id and 16 bytes of HMAC-SHA256 over topic and id.
const letterMAC = 16

func (a *Accounts) letterMAC(t Topic, id LetterID) []byte {
	m := hmac.New(sha256.New, a.letters[:])
	_, _ = io.WriteString(m, string(t)+"\x00")
	_, _ = m.Write(id[:])
	return m.Sum(nil)[:letterMAC]
}

func (a *Accounts) letterToken(t Topic, id LetterID) string {
	return base64.RawURLEncoding.EncodeToString(append(id[:], a.letterMAC(t, id)...))
}

// openLetter returns the letter that a token came with, if its link still works, or
// [ErrLetter].
func (a *Accounts) openLetter(ctx context.Context, t Topic, token string) (Letter, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != len(LetterID{})+letterMAC || len(token) != base64.RawURLEncoding.EncodedLen(len(raw)) {
		return Letter{}, ErrLetter
	}
	id := LetterID(raw[:len(LetterID{})])
	if !hmac.Equal(raw[len(id):], a.letterMAC(t, id)) {
		return Letter{}, ErrLetter
	}
	l, err := a.cfg.Store.Letter(ctx, id)
	if err == nil && l.Topic != t {
		err = ErrLetter
	}
	return l, err
}

// How letters are sent.
const (
	postEvery  = 5 * time.Second
	postBatch  = 32
	postAtOnce = 4
	postLease  = 6 * time.Minute // longer than a batch takes: eight letters one after the other, half a minute each
)

// post sends letters until ctx ends. Many centrals may do so at once.
func (a *Accounts) post(ctx context.Context) error {
	if a.cfg.Mail == nil {
		return nil
	}
	tick := time.NewTicker(postEvery)
	defer tick.Stop()
	for {
		a.Post(ctx)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		case <-a.wake:
		}
	}
}

// Post sends the letters that are due now: at least once each, so a crash in
// between sends one again, with the same Message-ID. One that nobody takes holds up
// no other.
func (a *Accounts) Post(ctx context.Context) {
	for ctx.Err() == nil {
		due, err := a.cfg.Store.ClaimLetters(ctx, postBatch, a.cfg.Now().Add(postLease))
		if err != nil {
			if ctx.Err() == nil {
				a.cfg.Logger.ErrorContext(ctx, "letters cannot be listed", slog.Any("error", err))
			}
			return
		}
		var g errgroup.Group
		g.SetLimit(postAtOnce)
		for _, l := range due {
			g.Go(func() error {
				a.sendLetter(ctx, l)
				return nil
			})
		}
		_ = g.Wait() // which nothing is returned to
		if len(due) < postBatch {
			return
		}
	}
}

// sendLetter sends one letter and notes what came of it.
func (a *Accounts) sendLetter(ctx context.Context, l Letter) {
	m, ok, err := a.write(ctx, l)
	if err == nil && ok {
		err = a.cfg.Mail.Send(ctx, m)
	}
	log := []any{slog.String("letter", l.ID.String()), slog.String("topic", string(l.Topic)), slog.Int("tries", l.Tries)}
	switch {
	case ctx.Err() != nil:
		return // it is due again soon
	case err == nil && ok:
		a.cfg.Logger.InfoContext(ctx, "letter was sent", log...)
		err = a.cfg.Store.Posted(ctx, l.ID)
	case err == nil:
		err = a.cfg.Store.Posted(ctx, l.ID)
	case errors.Is(err, mail.ErrRefused) || errors.Is(err, mail.ErrMessage):
		a.cfg.Logger.WarnContext(ctx, "letter was refused for good", append(log, slog.Any("error", err))...)
		err = a.cfg.Store.Posted(ctx, l.ID)
	default:
		a.cfg.Logger.WarnContext(ctx, "letter was not sent; it is tried again", append(log, slog.Any("error", err))...)
		err = a.cfg.Store.Postpone(ctx, l.ID, a.cfg.Now().Add(min(10*time.Second<<min(l.Tries, 6), 5*time.Minute)))
	}
	if err != nil && ctx.Err() == nil {
		a.cfg.Logger.ErrorContext(ctx, "what came of a letter was not stored", append(log, slog.Any("error", err))...)
	}
}

// write makes the letter as it is sent; false if nobody is to get one.
func (a *Accounts) write(ctx context.Context, l Letter) (mail.Message, bool, error) {
	acc, err := a.cfg.Store.Account(ctx, l.Email)
	if err != nil && !errors.Is(err, ErrUnknown) {
		return mail.Message{}, false, err
	}
	confirmed := err == nil && acc.Verified
	topic := l.Topic
	switch topic {
	case LetterJoin:
		if confirmed {
			topic = letterExists
		}
	case LetterReset:
		if !confirmed {
			return mail.Message{}, false, nil
		}
	case LetterVerify:
		if confirmed || acc.ID != l.Account {
			return mail.Message{}, false, nil
		}
	case LetterPassword, LetterPasskey, LetterDeleted, LetterOffer, LetterPaid, LetterRefunded, letterExists:
	}
	link := a.cfg.RelyingParty.Origin + walletPage
	if topic.linked() {
		link += "#/confirm/" + string(topic) + "/" + a.letterToken(topic, l.ID)
	}
	subject, text, err := letterText(topic, l.Language, letterFacts{Facts: l.Facts, Link: link, Site: a.cfg.RelyingParty.ID, Minutes: int(LinkLifetime / time.Minute)})
	if err != nil {
		return mail.Message{}, false, fmt.Errorf("%w: %w", mail.ErrMessage, err)
	}
	return mail.Message{
		ID: l.ID.String(), To: l.Email, Language: string(l.Language), Subject: subject, Text: text, Date: l.Created,
	}, true, nil
}

// walletPage is where the wallet is at its origin. What follows the # stays in the
// browser: no server and no log sees the link's token.
const walletPage = "/wallet/"
