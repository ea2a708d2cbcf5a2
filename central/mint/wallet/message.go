package wallet

import (
	"strings"
	"time"
)

// MaxMessage bounds a message, in bytes.
const MaxMessage = 2 << 10

// Language is that of a statement.
type Language string

// The languages. Any other is taken for [Korean].
const (
	Korean  Language = "ko"
	English Language = "en"
)

// statement says what a signature does, on one line.
func (l Language) statement(domain string) string {
	if l == English {
		return "Link this wallet to my account at " + domain + ". My tickets will be kept in it. This costs nothing and moves nothing that is mine."
	}
	return "이 지갑을 " + domain + " 계정에 연결합니다. 앞으로 제 티켓은 이 지갑에 보관됩니다. 비용이 들지 않으며 지갑의 자산은 이동하지 않습니다."
}

// Message is what a wallet signs, in the shape of Sign-In With Solana (which is that of
// EIP-4361), which wallets know: they warn where the domain is not that of the page.
// Its grammar has statements in ASCII, so that a Korean one is shown as plain text by
// those that are strict.
type Message struct {
	Domain    string // host, with a port if it is not the scheme's own
	Address   string
	Statement string // one line
	URI       string
	Chain     string // empty for none
	Nonce     string
	Issued    time.Time // whole seconds, UTC
	Expires   time.Time
}

// messageVersion is the only version that Sign-In With Solana has.
const messageVersion = "1"

// String returns the text that is signed.
func (m *Message) String() string {
	var b strings.Builder
	b.WriteString(m.Domain + " wants you to sign in with your Solana account:\n" + m.Address + "\n\n" + m.Statement + "\n")
	field := func(name, value string) { b.WriteString("\n" + name + ": " + value) }
	field("URI", m.URI)
	field("Version", messageVersion)
	if m.Chain != "" {
		field("Chain ID", m.Chain)
	}
	field("Nonce", m.Nonce)
	field("Issued At", m.Issued.UTC().Format(time.RFC3339))
	field("Expiration Time", m.Expires.UTC().Format(time.RFC3339))
	return b.String()
}

// plainWord reports whether s is at most 64 letters, digits, colons and hyphens.
func plainWord(s string) bool {
	const word = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-"
	return len(s) <= 64 && strings.Trim(s, word) == ""
}
