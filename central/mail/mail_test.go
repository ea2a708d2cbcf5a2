package mail_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	letters "github.com/con-ting/conting/central/mail"
	"github.com/con-ting/conting/sync/private"
)

var us = letters.Address{Name: "Conting 티켓", Mailbox: "no-reply@tickets.example"}

func letter() letters.Message {
	return letters.Message{
		ID: "a1-B2_c3", To: "kim@example.org", Language: "ko", Subject: "이메일 주소를 확인해 주세요",
		Text: "안녕하세요.\n\n.dot\nhttps://tickets.example/wallet/#confirm=abc=def\n", Date: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
	}
}

// read takes a letter apart as a mail program does.
func read(t *testing.T, raw string) (h mail.Header, subject, text string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatalf("%v in %q", err, raw)
	}
	if subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		t.Fatal(err)
	}
	if enc := m.Header.Get("Content-Transfer-Encoding"); enc != "quoted-printable" {
		t.Fatalf("encoding %q", enc)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		t.Fatal(err)
	}
	return m.Header, subject, strings.ReplaceAll(string(body), "\r\n", "\n")
}

func checkLetter(t *testing.T, raw string, want letters.Message) {
	t.Helper()
	h, subject, text := read(t, raw)
	if subject != want.Subject || strings.TrimRight(text, "\n") != strings.TrimRight(want.Text, "\n") {
		t.Errorf("read %q, %q; want %q, %q", subject, text, want.Subject, want.Text)
	}
	from, err := h.AddressList("From")
	if err != nil || len(from) != 1 || from[0].Name != us.Name || from[0].Address != us.Mailbox {
		t.Errorf("from %v, %v", from, err)
	}
	to, err := h.AddressList("To")
	if err != nil || len(to) != 1 || to[0].Address != want.To {
		t.Errorf("to %v, %v", to, err)
	}
	if date, err := h.Date(); err != nil || !date.Equal(want.Date) {
		t.Errorf("date %s, %v", date, err)
	}
	for key, value := range map[string]string{
		"Message-Id": "<" + want.ID + "@tickets.example>", "Auto-Submitted": "auto-generated", "Content-Language": want.Language,
	} {
		if h.Get(key) != value {
			t.Errorf("%s: %q, want %q", key, h.Get(key), value)
		}
	}
	for key, values := range h {
		if len(values) != 1 {
			t.Errorf("%s stands %d times", key, len(values))
		}
	}
}

func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mail")
	f, err := letters.NewFolder(dir, us)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second takes the place of the first
		if err := f.Send(t.Context(), letter()); err != nil {
			t.Fatal(err)
		}
	}
	all, err := os.ReadDir(dir)
	if err != nil || len(all) != 1 || all[0].Name() != "a1-B2_c3.eml" {
		t.Fatalf("files %v, %v", all, err)
	}
	raw, err := private.Read(filepath.Join(dir, all[0].Name()))
	if err != nil {
		t.Fatalf("others can read a letter: %v", err)
	}
	checkLetter(t, string(raw), letter())
	if err := os.Chmod(dir, 0o755); err != nil { // #nosec G302 -- this is the mistake
		t.Fatal(err)
	}
	if _, err := letters.NewFolder(dir, us); !errors.Is(err, private.ErrExposed) {
		t.Errorf("a folder that others can read: %v, want ErrExposed", err)
	}
}

func send(t *testing.T, r letters.Relay, m letters.Message) error {
	t.Helper()
	s, err := letters.NewSMTP(r, us)
	if err != nil {
		t.Fatal(err)
	}
	return s.Send(t.Context(), m)
}

func TestSMTP(t *testing.T) {
	for name, c := range map[string]struct {
		change   func(*relay)
		security letters.Security
		user     string
		secret   bool
	}{
		"starttls":           {nil, letters.StartTLS, "", true},
		"starttls with name": {nil, letters.StartTLS, "kim", true},
		"tls":                {func(r *relay) { r.direct = true }, letters.TLS, "kim", true},
		"this machine":       {func(r *relay) { r.plain = true }, letters.None, "", false},
		"dies afterwards":    {func(r *relay) { r.answer["RSET"] = "421 I am tired"; r.answer["QUIT"] = "500 no" }, letters.StartTLS, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRelay(t, c.change)
			cfg := letters.Relay{Server: r.addr(), Security: c.security, Roots: r.roots, User: c.user}
			if c.user != "" {
				cfg.Password = "a secret"
			}
			if err := send(t, cfg, letter()); err != nil {
				t.Fatal(err)
			}
			got := r.got()
			if len(got) != 1 {
				t.Fatalf("the server has %d letters", len(got))
			}
			m := got[0]
			if m.from[:32] != "FROM:<no-reply@tickets.example> " && m.from != "FROM:<no-reply@tickets.example>" || m.to != "TO:<kim@example.org>" || m.secret != c.secret {
				t.Errorf("envelope %q %q, TLS %v", m.from, m.to, m.secret)
			}
			if want := map[bool]string{true: "\x00kim\x00a secret"}[c.user != ""]; m.login != want {
				t.Errorf("login %q, want %q", m.login, want)
			}
			checkLetter(t, m.data, letter())
		})
	}
}

// Nothing goes over a line that others may read, and no password.
func TestSMTPNeedsTLS(t *testing.T) {
	stripped := newRelay(t, func(r *relay) { r.plain = true })
	err := send(t, letters.Relay{Server: stripped.addr(), Security: letters.StartTLS, Roots: stripped.roots, User: "kim", Password: "a secret"}, letter())
	if err == nil || errors.Is(err, letters.ErrRefused) {
		t.Errorf("a server without STARTTLS: %v", err)
	}
	impostor := newRelay(t, nil)
	if err := send(t, letters.Relay{Server: impostor.addr(), Security: letters.StartTLS}, letter()); err == nil || errors.Is(err, letters.ErrRefused) {
		t.Errorf("a server with an unknown certificate: %v", err)
	}
	if n := len(stripped.got()) + len(impostor.got()); n != 0 {
		t.Errorf("%d letters were sent", n)
	}
	for name, r := range map[string]letters.Relay{
		"plain elsewhere":  {Server: "192.0.2.1:25", Security: letters.None},
		"plain by name":    {Server: "mail.example:25", Security: letters.None},
		"no port":          {Server: "mail.example", Security: letters.TLS},
		"no host":          {Server: ":25", Security: letters.TLS},
		"no security":      {Server: "mail.example:25"},
		"name alone":       {Server: "mail.example:587", Security: letters.StartTLS, User: "kim"},
		"password alone":   {Server: "mail.example:587", Security: letters.StartTLS, Password: "kim"},
		"unknown security": {Server: "mail.example:587", Security: "ssl"},
	} {
		if _, err := letters.NewSMTP(r, us); !errors.Is(err, letters.ErrConfig) {
			t.Errorf("%s: %v, want ErrConfig", name, err)
		}
	}
}

// What a server says of a letter for good is told from what may pass, and no error
// names the recipient.
func TestSMTPRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		verb, answer string
		forGood      bool
	}{
		"no such mailbox": {"RCPT", "550 no kim@example.org here", true},
		"try later":       {"RCPT", "451 kim@example.org is greylisted", false},
		"spam":            {".", "554 kim@example.org does not want this", true},
		"later":           {".", "452 full", false},
		"not you":         {"MAIL", "550 who are you, kim@example.org?", false},
		"bad password":    {"AUTH", "535 wrong", false},
		"closed":          {"EHLO", "421 closed", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRelay(t, func(r *relay) { r.answer[c.verb] = c.answer; r.answer["HELO"] = r.answer["EHLO"] })
			err := send(t, letters.Relay{Server: r.addr(), Security: letters.StartTLS, Roots: r.roots, User: "u", Password: "a secret"}, letter())
			if err == nil || errors.Is(err, letters.ErrRefused) != c.forGood {
				t.Errorf("%v; for good: want %v", err, c.forGood)
			}
			if err != nil && (strings.Contains(err.Error(), "kim@") || strings.Contains(err.Error(), "a secret")) {
				t.Errorf("the error tells: %v", err)
			}
		})
	}
	gone := newRelay(t, nil)
	_ = gone.l.Close()
	if err := send(t, letters.Relay{Server: gone.addr(), Security: letters.StartTLS, Roots: gone.roots}, letter()); err == nil || errors.Is(err, letters.ErrRefused) {
		t.Errorf("nobody listens: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := newRelay(t, nil)
	s, err := letters.NewSMTP(letters.Relay{Server: r.addr(), Security: letters.StartTLS, Roots: r.roots}, us)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(ctx, letter()); err == nil {
		t.Error("sent although the caller gave up")
	}
}

// Whatever stands in a letter, it stays one letter to one recipient.
func TestInjection(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mail")
	f, err := letters.NewFolder(dir, us)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*letters.Message){
		"header in subject":      func(m *letters.Message) { m.Subject = "Hello\r\nBcc: lee@example.org" },
		"line feed in subject":   func(m *letters.Message) { m.Subject = "Hello\nBcc: lee@example.org" },
		"return in subject":      func(m *letters.Message) { m.Subject = "Hello\rBcc: lee@example.org" },
		"zero in subject":        func(m *letters.Message) { m.Subject = "Hello\x00" },
		"next line in subject":   func(m *letters.Message) { m.Subject = "Hello\u0085Bcc: lee@example.org" },
		"separator in subject":   func(m *letters.Message) { m.Subject = "Hello\u2028Bcc: lee@example.org" },
		"no subject":             func(m *letters.Message) { m.Subject = "" },
		"long subject":           func(m *letters.Message) { m.Subject = strings.Repeat("x", 301) },
		"two recipients":         func(m *letters.Message) { m.To = "kim@example.org,lee@example.org" },
		"recipient with header":  func(m *letters.Message) { m.To = "kim@example.org\r\nBcc: lee@example.org" },
		"recipient with command": func(m *letters.Message) { m.To = "kim@example.org>\r\nRCPT TO:<lee@example.org" },
		"recipient with name":    func(m *letters.Message) { m.To = "Kim <kim@example.org>" },
		"recipient in quotes":    func(m *letters.Message) { m.To = `"kim lee"@example.org` },
		"recipient elsewhere":    func(m *letters.Message) { m.To = "김@example.org" },
		"two at signs":           func(m *letters.Message) { m.To = "kim@example.org@example.net" },
		"no domain":              func(m *letters.Message) { m.To = "kim@" },
		"no recipient":           func(m *letters.Message) { m.To = "" },
		"id with path":           func(m *letters.Message) { m.ID = "../kim" },
		"id with header":         func(m *letters.Message) { m.ID = "a>\r\nBcc: lee@example.org" },
		"no id":                  func(m *letters.Message) { m.ID = "" },
		"long id":                func(m *letters.Message) { m.ID = strings.Repeat("x", 65) },
		"language with header":   func(m *letters.Message) { m.Language = "ko\r\nBcc: l@x.org" },
		"zero in text":           func(m *letters.Message) { m.Text = "a\x00b" },
		"return in text":         func(m *letters.Message) { m.Text = "a\r.\rQUIT" },
		"no UTF-8 in text":       func(m *letters.Message) { m.Text = "a\xff" },
		"huge text":              func(m *letters.Message) { m.Text = strings.Repeat("x", 64<<10+1) },
		"no text":                func(m *letters.Message) { m.Text = "" },
		"no date":                func(m *letters.Message) { m.Date = time.Time{} },
	} {
		m := letter()
		change(&m)
		if err := f.Send(t.Context(), m); !errors.Is(err, letters.ErrMessage) {
			t.Errorf("%s: %v, want ErrMessage", name, err)
		} else if strings.Contains(err.Error(), "@") {
			t.Errorf("%s: the error names somebody: %v", name, err)
		}
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 0 {
		t.Errorf("files %v, %v", all, err)
	}
}

func TestParseAddress(t *testing.T) {
	for in, want := range map[string]letters.Address{
		"no-reply@tickets.example":              {Mailbox: "no-reply@tickets.example"},
		"Conting 티켓 <no-reply@tickets.example>": us,
		"": {}, "kim": {}, "Kim <kim": {}, "<kim@x.org> Kim": {}, "Kim\n <kim@x.org>": {}, "a, b <kim@x.org>": {}, `"Kim" <kim@x.org>`: {}, "Kim <kim@x.org, lee@x.org>": {},
	} {
		got, err := letters.ParseAddress(in)
		if want == (letters.Address{}) {
			if !errors.Is(err, letters.ErrConfig) {
				t.Errorf("ParseAddress(%q) = %+v, %v; want ErrConfig", in, got, err)
			}
			continue
		}
		if err != nil || got != want {
			t.Errorf("ParseAddress(%q) = %+v, %v; want %+v", in, got, err, want)
		}
	}
}

const headers = 10 // of every letter

func FuzzLetter(f *testing.F) {
	f.Add("Hello", "kim@example.org", "text\n")
	f.Add("Hello\r\nBcc: lee@example.org", "kim@example.org\r\n", "\r\n.\r\n")
	f.Add("=?utf-8?q?=0d=0aBcc:x?=", "a@b.c", "=\n")
	dir := filepath.Join(f.TempDir(), "mail")
	s, err := letters.NewFolder(dir, us)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, subject, to, text string) {
		m := letter()
		m.Subject, m.To, m.Text = subject, to, text
		if err := s.Send(t.Context(), m); err != nil {
			return
		}
		raw, err := os.ReadFile(filepath.Join(dir, m.ID+".eml"))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte("\nBcc:")) && !strings.Contains(text, "Bcc:") {
			t.Errorf("a header was injected: %q", raw)
		}
		h, got, _ := read(t, string(raw))
		if want := strings.ReplaceAll(subject, "=?", "= ?"); strings.Join(strings.Fields(got), "") != strings.Join(strings.Fields(want), "") {
			t.Errorf("subject %q, want %q", got, want)
		}
		if len(h) != headers {
			t.Errorf("%d headers: %v", len(h), h)
		}
		all, err := h.AddressList("To")
		if err != nil || len(all) != 1 || all[0].Address != to {
			t.Errorf("to %v, %v; want %q", all, err, to)
		}
	})
}
