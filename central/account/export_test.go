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
