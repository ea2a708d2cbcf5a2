package account

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// Errors about passwords.
var (
	// ErrPassword does not say whether there is such an account.
	ErrPassword = errors.New("unknown account or wrong password")

	// ErrBusy means that too many passwords are being checked: each takes memory.
	ErrBusy = errors.New("too many passwords are being checked; try again in a moment")
)

// WeakError says what is wrong with a new password.
type WeakError struct {
	// Reason is short, long, common, address (it is made of the e-mail address),
	// repetitive, or text (it is no text).
	Reason string
}

// Error implements error.
func (e *WeakError) Error() string { return "password is not taken: " + e.Reason }

// What a new password must be. A long one needs no digits or signs; what attackers
// try first is refused instead (NIST SP 800-63B, 5.1.1.2).
const (
	MinPassword = 10  // characters
	MaxPassword = 256 // bytes

	leastDistinct = 5 // characters
	leastBeside   = 6 // characters that are not the address
)

// Passwords that many people choose, of the least length or longer, in small
// letters, one a line.
//
//go:embed common.txt
var commonPasswords string

// normalPassword is a password in the one form that equal texts have, however they
// were typed.
func normalPassword(s string) string { return norm.NFKC.String(s) }

// checkPassword refuses what is guessed first. The error is a [*WeakError].
func checkPassword(password, email string) error {
	weak := func(reason string) error { return &WeakError{Reason: reason} }
	if len(password) > MaxPassword {
		return weak("long")
	}
	if !utf8.ValidString(password) || strings.ContainsRune(password, 0) {
		return weak("text")
	}
	normal := normalPassword(password)
	if utf8.RuneCountInString(normal) < MinPassword {
		return weak("short")
	}
	small := strings.ToLower(normal)
	distinct := map[rune]bool{}
	for _, r := range small {
		distinct[r] = true
	}
	if len(distinct) < leastDistinct {
		return weak("repetitive")
	}
	for line := range strings.Lines(commonPasswords) {
		if strings.TrimRight(line, "\n") == small {
			return weak("common")
		}
	}
	rest, from := small, email
	for part := range strings.FieldsFuncSeq(from, func(r rune) bool { return strings.ContainsRune("@.+-_", r) }) {
		if len(part) >= 3 {
			rest = strings.ReplaceAll(rest, part, "")
		}
	}
	if utf8.RuneCountInString(rest) < leastBeside {
		return weak("address")
	}
	return nil
}

// cost is what one hash takes.
type cost struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
}

// The cost of new hashes: what OWASP's Password Storage Cheat Sheet has for
// argon2id, the one with the least memory of those it calls equal but one. Older
// hashes are made anew when their owners sign in.
const (
	hashMemory  = 19 << 10 // KiB
	hashPasses  = 2
	hashThreads = 1
	hashSalt    = 16
	hashLen     = 32

	maxMemory = 64 << 10 // of hashes that are read
	maxPasses = 8
)

// hasher makes and checks password hashes, few at a time: each takes 19 MiB, and
// strangers may ask for as many as they like. Passwords are peppered, so that the
// database alone is no use for guessing them: what is hashed is an HMAC of the
// password under a key that follows from the challenge key. Whoever loses that key
// has new passwords set by letter.
type hasher struct {
	pepper  []byte
	rand    io.Reader
	cost    cost
	slots   chan struct{} // one for each hash that is being made
	waiting chan struct{} // one for each that is made or waits to be
	dummy   string        // a hash that no password has
}

// waiters is how many may wait for each slot.
const waiters = 32

func newHasher(challengeKey [32]byte, random io.Reader) (*hasher, error) {
	pepper, err := hkdf.Key(sha256.New, challengeKey[:], nil, "conting/account/pepper/v1", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("pepper: %w", err)
	}
	slots := runtime.GOMAXPROCS(0)
	h := &hasher{
		pepper: pepper, rand: random, cost: cost{hashMemory, hashPasses, hashThreads},
		slots: make(chan struct{}, slots), waiting: make(chan struct{}, slots*waiters),
	}
	h.dummy = h.cost.dummy()
	return h, nil
}

// dummy is a hash that costs as much to check as any, and is nobody's.
func (c cost) dummy() string {
	return c.head(make([]byte, hashSalt)) + base64.RawStdEncoding.EncodeToString(make([]byte, hashLen))
}

// enter waits for a slot; the caller must call leave. The error is [ErrBusy] or
// that of ctx.
func (h *hasher) enter(ctx context.Context) (leave func(), err error) {
	select {
	case h.waiting <- struct{}{}:
	default:
		return nil, ErrBusy
	}
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots; <-h.waiting }, nil
	case <-ctx.Done():
		<-h.waiting
		return nil, ctx.Err()
	}
}

// head is the beginning of a hash's text, in the PHC string format.
func (c cost) head(salt []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$", argon2.Version, c.memory, c.passes, c.threads, base64.RawStdEncoding.EncodeToString(salt))
}

// hash returns what is kept of a password. The caller has a slot.
func (h *hasher) hash(password string) (string, error) {
	salt := make([]byte, hashSalt)
	if _, err := io.ReadFull(h.rand, salt); err != nil {
		return "", fmt.Errorf("read random bytes: %w", err)
	}
	return h.cost.head(salt) + base64.RawStdEncoding.EncodeToString(h.derive(password, salt, h.cost)), nil
}

func (h *hasher) derive(password string, salt []byte, c cost) []byte {
	m := hmac.New(sha256.New, h.pepper)
	_, _ = io.WriteString(m, normalPassword(password))
	return argon2.IDKey(m.Sum(nil), salt, c.passes, c.memory, c.threads, hashLen)
}

// verify reports whether kept is the hash of a password, and whether it should be
// made anew. The caller has a slot. It takes as long for "", which nobody's is.
func (h *hasher) verify(password, kept string) (same, old bool) {
	if kept == "" {
		kept = h.dummy
	}
	c, salt, want, ok := parseHash(kept)
	if !ok {
		return false, false
	}
	got := h.derive(password, salt, c)
	return subtle.ConstantTimeCompare(got, want) == 1 && kept != h.dummy, c != h.cost
}

// parseHash reads the text of a hash, and refuses one that would cost too much.
func parseHash(s string) (c cost, salt, sum []byte, ok bool) {
	parts := strings.Split(s, "$")
	if len(s) > 200 || len(parts) != 6 {
		return c, nil, nil, false
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.memory, &c.passes, &c.threads); err != nil {
		return c, nil, nil, false
	}
	salt, err1 := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	sum, err2 := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	ok = err1 == nil && err2 == nil && len(salt) == hashSalt && len(sum) == hashLen && s == c.head(salt)+parts[5] &&
		c.memory >= 8 && c.memory <= maxMemory && c.passes >= 1 && c.passes <= maxPasses && c.threads >= 1 && c.threads <= 4
	return c, salt, sum, ok
}

// How often a wrong password may be tried, for one address and from one source. The
// first few are free; then each that fails doubles the wait, for a source only up to
// seconds: a mobile carrier's whole city can be one. What is counted is
// kept, so that neither a restart nor another central forgets it, and counted
// before a password is checked, so that many at once are many. A letter that sets a
// new password, or a passkey, still lets the owner in.
const (
	emailFree, sourceFree = 5, 50
	firstWait             = 2 * time.Second
	longestWait           = 15 * time.Minute
	longestSourceWait     = 5 * time.Second

	// AttemptsForgotten is after how long without another try it all begins anew.
	AttemptsForgotten = 24 * time.Hour
)

// Attempt is one count of tries. The key tells neither address nor source.
type Attempt struct {
	Key  [32]byte
	Free int           // tries that cost no wait
	Most time.Duration // the longest wait
}

// Wait is how long to wait after so many tries.
func (t Attempt) Wait(tries int) time.Duration {
	over := tries - t.Free
	switch {
	case over < 0:
		return 0
	case over > 10:
		return t.Most
	}
	return min(firstWait<<over, t.Most)
}

// attempts are the counts that a try from a source for an address belongs to. An
// unknown source has none.
func (a *Accounts) attempts(email, source string) []Attempt {
	out := []Attempt{{Key: a.blind("email", email), Free: emailFree, Most: longestWait}}
	if p := prefix(source); p != "" {
		out = append(out, Attempt{Key: a.blind("source", p), Free: sourceFree, Most: longestSourceWait})
	}
	return out
}

// blind hides what is counted from whoever reads the database.
func (a *Accounts) blind(what, value string) (key [32]byte) {
	m := hmac.New(sha256.New, a.cfg.ChallengeKey[:])
	_, _ = io.WriteString(m, "conting/account/attempt/v1\x00"+what+"\x00"+value)
	m.Sum(key[:0])
	return key
}
