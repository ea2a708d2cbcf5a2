package account

import "github.com/con-ting/conting/sync/ticket"

// ParseAttestation is the package's own.
func ParseAttestation(data []byte, rpID string) (id []byte, key ticket.HolderKey, counter uint32, err error) {
	a, err := parseAttestation(data, rpID)
	return a.id, a.key, a.counter, err
}

// CheckCreated and NormaliseCode are the package's own.
var (
	CheckCreated  = checkCreated
	NormaliseCode = normaliseCode
)

// Buckets is how many tries are remembered.
func (a *Accounts) Buckets() int { return len(a.tries.buckets) }

// MaxBuckets is the most that there may be.
const MaxBuckets = maxBuckets

// Topics lists what letters are about.
func Topics() []Topic {
	return []Topic{LetterJoin, LetterReset, LetterVerify, LetterPassword, LetterPasskey, LetterDeleted, LetterOffer, LetterPaid, LetterRefunded, letterExists}
}

// LetterText is the package's own, with facts made up.
func LetterText(t Topic, lang Language) (subject, text string, err error) {
	return letterText(t, lang, letterFacts{Facts: Facts{Event: "A {{show}}", Until: "18:00"}, Link: "https://tickets.example/wallet/", Site: "tickets.example", Minutes: 30})
}

// CheckPassword and Prefix are the package's own.
var (
	CheckPassword = checkPassword
	Prefix        = prefix
)

// ParseHash is the package's own.
func ParseHash(s string) bool {
	_, _, _, ok := parseHash(s)
	return ok
}

// Cheapen makes hashes cost next to nothing; what was hashed before is out of date.
func (a *Accounts) Cheapen() {
	a.hasher.cost = cost{memory: 8, passes: 1, threads: 1}
	a.hasher.dummy = a.hasher.cost.dummy()
}

// Occupy takes every slot for a hash, and leave gives them back.
func (a *Accounts) Occupy() (leave func()) {
	for range cap(a.hasher.slots) {
		a.hasher.slots <- struct{}{}
	}
	for range cap(a.hasher.waiting) {
		a.hasher.waiting <- struct{}{}
	}
	return func() {
		for range cap(a.hasher.slots) {
			<-a.hasher.slots
		}
		for range cap(a.hasher.waiting) {
			<-a.hasher.waiting
		}
	}
}
