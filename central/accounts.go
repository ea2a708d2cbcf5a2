package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/mail"
	"github.com/con-ting/conting/central/web"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/private"
	"github.com/con-ting/conting/sync/settings"
)

// mailFolder is where letters go that are not sent, in the data folder.
const mailFolder = "mail"

type accountConfig struct {
	// JoinsPerSecond is how many accounts may be made and letters be ordered in a
	// second, 1 to 100000. Default 500.
	JoinsPerSecond int `toml:"joins_per_second"`

	// WorkBits is the proof of work that is due for an account or a letter, 0 (none)
	// to 28; 20 is about a second of a phone. Default 0.
	WorkBits int `toml:"work_bits"`
}

type mailConfig struct {
	// From is whom letters are from, as name@example.org or Name <name@example.org>.
	// Default no-reply@ the wallet's relying party.
	From string `toml:"from"`

	// Server is the host:port of a mail server that takes letters for us. Without one
	// they become files in DATA_DIR/mail and reach nobody. Default none.
	Server string `toml:"server"`

	// Security is starttls, tls, or none, which is for a server on this machine.
	// Default starttls.
	Security string `toml:"security"`

	// User and PasswordFile are for a server that wants them. The file has one line
	// and mode 0600. Default none.
	User         string `toml:"user"`
	PasswordFile string `toml:"password_file"`

	// Authority is a PEM file of the authorities that the server's certificate may
	// come from, instead of the system's. Default none.
	Authority string `toml:"authority"`
}

func (c *accountConfig) check() error {
	bad := func(key, format string, args ...any) error {
		return hint.Errorf("", "account.%s: %s: %w", key, fmt.Sprintf(format, args...), settings.ErrBad)
	}
	switch {
	case c.JoinsPerSecond < 1 || c.JoinsPerSecond > 100_000:
		return bad("joins_per_second", "%d, want 1 to 100000", c.JoinsPerSecond)
	case c.WorkBits < 0 || c.WorkBits > account.MaxWorkBits:
		return bad("work_bits", "%d, want 0 to %d", c.WorkBits, account.MaxWorkBits)
	}
	return nil
}

func (c *mailConfig) check() error {
	bad := func(what, key, format string, args ...any) error {
		return hint.Errorf(what, "mail.%s: %s: %w", key, fmt.Sprintf(format, args...), settings.ErrBad)
	}
	if c.From != "" {
		if _, err := mail.ParseAddress(c.From); err != nil {
			return bad("", "from", "%s", err)
		}
	}
	switch {
	case c.Server == "" && (c.User != "" || c.PasswordFile != "" || c.Authority != ""):
		return bad("set mail.server as well", "server", "there is none")
	case (c.User == "") != (c.PasswordFile == ""):
		return bad("", "user", "it and mail.password_file belong together")
	case c.PasswordFile != "" && !filepath.IsAbs(c.PasswordFile):
		return bad("", "password_file", "%q is not an absolute path", c.PasswordFile)
	case c.Authority != "" && !filepath.IsAbs(c.Authority):
		return bad("", "authority", "%q is not an absolute path", c.Authority)
	case c.Server == "":
		return nil
	}
	relay, from := c.relay("x"), mail.Address{Mailbox: "no-reply@tickets.example"}
	if _, err := mail.NewSMTP(relay, from); err != nil {
		return bad("", "server", "%s", err)
	}
	return nil
}

func (c *mailConfig) relay(password string) mail.Relay {
	if c.User == "" {
		password = ""
	}
	return mail.Relay{Server: c.Server, Security: mail.Security(c.Security), User: c.User, Password: password}
}

// checkProxies reports the first that is neither an address nor a prefix.
func checkProxies(proxies []string) error {
	for _, p := range proxies {
		_, err := netip.ParseAddr(p)
		if err != nil {
			_, err = netip.ParsePrefix(p)
		}
		if err != nil {
			return hint.Errorf("name addresses or prefixes, such as 127.0.0.1 or 10.0.0.0/8", "api.proxies: %q: %w", p, settings.ErrBad)
		}
	}
	return nil
}

// openMail makes what sends letters for the people of a relying party.
func (s *server) openMail(party string) (mail.Sender, error) {
	c := s.cfg.Mail
	from := mail.Address{Mailbox: "no-reply@" + party}
	if c.From != "" {
		var err error
		if from, err = mail.ParseAddress(c.From); err != nil {
			return nil, err
		}
	}
	if c.Server == "" {
		return mail.NewFolder(s.dir.path(mailFolder), from)
	}
	relay := c.relay("")
	if c.PasswordFile != "" {
		var err error
		if relay.Password, err = private.ReadLine(c.PasswordFile); err != nil {
			return nil, hint.Errorf("put the password on one line, and chmod 600 the file", "mail.password_file: %w", err)
		}
	}
	if c.Authority != "" {
		pem, err := os.ReadFile(c.Authority)
		if err != nil {
			return nil, fmt.Errorf("mail.authority: %w", err)
		}
		if relay.Roots = x509.NewCertPool(); !relay.Roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("mail.authority: %s has no certificate in PEM: %w", c.Authority, settings.ErrBad)
		}
	}
	return mail.NewSMTP(relay, from)
}

func (s *server) openAccounts(ctx context.Context) error {
	challenge, err := s.dir.challengeKey()
	if err != nil {
		return err
	}
	rp, err := s.cfg.relyingParty(s.api.Addr())
	if err != nil {
		return err
	}
	letters, err := s.openMail(rp.ID)
	if err != nil {
		return err
	}
	if s.access, err = account.NewAccess(challenge, s.now); err != nil {
		return err
	}
	s.addresses.Wallet = rp.Origin + web.Base
	s.accounts, err = account.New(ctx, account.Config{
		Store: s.store.Accounts(), Verifier: passkeys{}, Rebinder: s.sale, RelyingParty: rp, ChallengeKey: challenge,
		Mail: letters, Rooms: map[string]account.Room{"tickets": ownTickets{s.sale}, "orders": ownOrders{s.sale}, "waiting": ownWaiting{s.store}, "identity": ownIdentity{s}, "tokens": ownTokens{s.store}},
		WorkBits: s.cfg.Account.WorkBits, JoinsPerSecond: s.cfg.Account.JoinsPerSecond,
		Now: s.now, Logger: s.logger,
	})
	return err
}
