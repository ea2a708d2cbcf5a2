package account_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/mail"
)

// postbox keeps what is sent, and fails while it is told to.
type postbox struct {
	mu   sync.Mutex // guards the fields below
	sent []mail.Message
	err  map[string]error // by recipient
}

func (p *postbox) Send(_ context.Context, m mail.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.err[m.To]; err != nil {
		return err
	}
	p.sent = append(p.sent, m)
	return nil
}

func (p *postbox) fail(to string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = map[string]error{}
	}
	p.err[to] = err
}

func (p *postbox) take() []mail.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.sent
	p.sent = nil
	return out
}

// letters are those that are sent now.
func (h *harness) letters() []mail.Message {
	h.t.Helper()
	h.Post(h.t.Context())
	return h.mail.take()
}

var link = regexp.MustCompile(`https://tickets\.example/wallet/#/confirm/([a-z]+)/([A-Za-z0-9_-]+)\n`)

// token is that of the only letter that is sent now, which must be of a topic and
// to an address.
func (h *harness) token(topic account.Topic, to string) string {
	h.t.Helper()
	all := h.letters()
	if len(all) != 1 || all[0].To != to {
		h.t.Fatalf("%d letters %v, want one to %s", len(all), all, to)
	}
	m := link.FindStringSubmatch(all[0].Text)
	if m == nil || m[1] != string(topic) {
		h.t.Fatalf("no link of %s in %q", topic, all[0].Text)
	}
	return m[2]
}

func TestLettersAreSentAtLeastOnce(t *testing.T) {
	h := start(t)
	const lee = "lee@example.org"
	h.mail.fail(kim, errors.New("mail server: away"))
	h.mail.fail(lee, fmt.Errorf("%w: it answered 550", mail.ErrRefused))
	for _, to := range []string{kim, lee, "park@example.org"} {
		if err := h.Join(t.Context(), account.Joining{Email: to, Language: account.Korean}); err != nil {
			t.Fatal(err)
		}
	}
	got := h.letters() // one that is not taken holds up no other
	if len(got) != 1 || got[0].To != "park@example.org" || got[0].Language != "ko" || !strings.Contains(got[0].Text, "비밀번호") {
		t.Fatalf("sent %v", got)
	}
	if again := h.letters(); len(again) != 0 {
		t.Errorf("sent again: %v", again)
	}
	h.mail.fail(kim, nil)
	h.mail.fail(lee, nil)
	h.clock.Advance(30 * time.Second)
	got = h.letters()
	if len(got) != 1 || got[0].To != kim {
		t.Errorf("later: %v; want the one that failed, not the one that was refused", got)
	}
	for _, secret := range []string{kim, lee, "park@"} {
		if strings.Contains(h.log.String(), secret) {
			t.Errorf("the log names %s: %s", secret, h.log)
		}
	}

	// A crash after the server took it: the same letter again, recognisably.
	if err := h.AskReset(t.Context(), account.Joining{Email: kim}); err != nil {
		t.Fatal(err)
	}
	if err := h.Join(t.Context(), account.Joining{Email: "choi@example.org"}); err != nil {
		t.Fatal(err)
	}
	claimed, err := h.cfg.Store.ClaimLetters(t.Context(), 10, h.clock.Now().Add(time.Minute))
	if err != nil || len(claimed) != 2 {
		t.Fatalf("claimed %v, %v", claimed, err)
	}
	if now := h.letters(); len(now) != 0 {
		t.Errorf("two send one letter at once: %v", now)
	}
	h.clock.Advance(2 * time.Minute)
	once := h.letters() // the one to kim@ goes nowhere: there is no account
	if len(once) != 1 || once[0].To != "choi@example.org" {
		t.Errorf("after a crash: %v", once)
	}

	// What waits too long is not sent any more.
	h.mail.fail(kim, errors.New("mail server: away"))
	if err := h.Join(t.Context(), account.Joining{Email: kim}); err != nil {
		t.Fatal(err)
	}
	h.letters()
	h.mail.fail(kim, nil)
	h.clock.Advance(account.LinkLifetime)
	if late := h.letters(); len(late) != 0 {
		t.Errorf("sent after its link had ended: %v", late)
	}
}

// However often somebody asks, an address gets few letters.
func TestLettersAreFew(t *testing.T) {
	h := start(t)
	for range 20 {
		if err := h.Join(t.Context(), account.Joining{Email: kim}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(h.letters()); n != 3 {
		t.Errorf("%d letters, want 3", n)
	}
	h.clock.Advance(account.LinkLifetime)
	if err := h.Join(t.Context(), account.Joining{Email: kim}); err != nil {
		t.Fatal(err)
	}
	if n := len(h.letters()); n != 1 {
		t.Errorf("later %d letters, want 1", n)
	}
	var many *account.TooManyError
	refused := 0
	for n := range 100 {
		if err := h.Join(t.Context(), account.Joining{Email: fmt.Sprintf("n%d@example.org", n), Source: "192.0.2.7"}); errors.As(err, &many) {
			refused++
		}
	}
	if refused != 40 {
		t.Errorf("of 100 letters from one source %d were refused, want 40", refused)
	}
	for n := range 100 { // a proxy on this machine is nobody in particular
		if err := h.Join(t.Context(), account.Joining{Email: fmt.Sprintf("m%d@example.org", n), Source: "127.0.0.1"}); err != nil {
			t.Fatal(err)
		}
	}
}

// Every topic has a text in every language, of one subject line and complete.
func TestLetterTexts(t *testing.T) {
	seen := map[string]bool{}
	for _, topic := range account.Topics() {
		for _, lang := range []account.Language{account.Korean, account.English, "fr"} {
			subject, text, err := account.LetterText(topic, lang)
			if err != nil || subject == "" || strings.Contains(subject, "\n") || !strings.Contains(text, "tickets.example") || strings.Contains(strings.ReplaceAll(text, "A {{show}}", ""), "{{") {
				t.Errorf("%s in %s: %q, %q, %v", topic, lang, subject, text, err)
			}
			seen[subject] = true
		}
	}
	if want := 2*len(account.Topics()) - 2; len(seen) != want { // join and verify have one subject
		t.Errorf("%d subjects, want %d", len(seen), want)
	}
}

func TestLetterTokens(t *testing.T) {
	h := start(t)
	h.joined(kim)
	open := func() string {
		t.Helper()
		if err := h.AskReset(t.Context(), account.Joining{Email: kim}); err != nil {
			t.Fatal(err)
		}
		return h.token(account.LetterReset, kim)
	}
	good := open()
	flipped := []byte(good)
	flipped[30] ^= 1
	for name, token := range map[string]string{
		"empty": "", "short": good[1:], "long": good + "A", "changed": string(flipped), "line feed": good[:20] + "\n" + good[20:], "zeros": strings.Repeat("A", len(good)),
	} {
		_, err := h.ConfirmReset(t.Context(), account.Linked{Token: token, Password: strong})
		wantErr(t, name, err, account.ErrLetter)
	}
	_, err := h.ConfirmJoin(t.Context(), account.Linked{Token: good, Password: strong})
	wantErr(t, "for another topic", err, account.ErrLetter)
	h.clock.Advance(account.LinkLifetime - time.Millisecond)
	if _, err := h.ConfirmReset(t.Context(), account.Linked{Token: good, Password: strong}); err != nil {
		t.Errorf("just before its end: %v", err)
	}
	_, err = h.ConfirmReset(t.Context(), account.Linked{Token: good, Password: strong})
	wantErr(t, "again", err, account.ErrLetter)
	h.letters() // that it was changed
	h.clock.Advance(account.LinkLifetime)
	good = open()
	h.clock.Advance(account.LinkLifetime)
	_, err = h.ConfirmReset(t.Context(), account.Linked{Token: good, Password: strong})
	wantErr(t, "at its end", err, account.ErrLetter)
}

// News reaches those who confirmed an address, once however often it is told, in
// time or not at all.
func TestNews(t *testing.T) {
	h := start(t)
	e := h.joined(kim)
	unconfirmed := h.register(lee, h.phone("lee"))
	tell := func(key, to string, ends time.Time) {
		t.Helper()
		if err := h.Tell(t.Context(), account.News{Key: key, Topic: account.LetterOffer, Account: to, Event: "Night of Songs", Until: "18:00 (KST)", Ends: ends}); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		tell("offer/1", e.Person.ID, h.clock.Now().Add(time.Hour))
	}
	tell("offer/2", e.Person.ID, h.clock.Now())
	tell("offer/3", unconfirmed.Person.ID, time.Time{})
	tell("offer/4", "00000000000000000000000000000000", time.Time{})
	got := h.letters()
	if len(got) != 1 || got[0].To != kim || !strings.Contains(got[0].Text, `"Night of Songs"`) || !strings.Contains(got[0].Text, "18:00 (KST)") {
		t.Errorf("letters %v", got)
	}
	tell("offer/1", e.Person.ID, h.clock.Now().Add(time.Hour)) // after a crash
	if again := h.letters(); len(again) != 0 {
		t.Errorf("told again: %v", again)
	}
	tell("offer/5", e.Person.ID, h.clock.Now().Add(time.Hour))
	if next := h.letters(); len(next) != 1 || next[0].ID == got[0].ID {
		t.Errorf("told more: %v", next)
	}
}
