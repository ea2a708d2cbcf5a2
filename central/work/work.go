// Package work is a proof of work: a number that is dear to find and cheap to check
// (hashcash over SHA-256). It makes each of many accounts pay a little; it keeps
// nobody out, and it does not tell people from programs.
//
// A proof counts for one purpose and one subject, for five to ten minutes. It may be
// shown again in that time: use it only where the second time brings nothing. There
// is no state and no secret. Nothing of a proof is trusted before it is checked.
package work

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// Period is how long a bucket lasts: a proof is made for the bucket of its time and
// counts in that and in the next one.
const Period = 5 * time.Minute

// MaxBits is the most that Check and Solve understand.
const MaxBits = 64

// maxProof is the longest proof: two numbers and a hyphen.
const maxProof = 41

// Bucket is the number of the bucket at a time: Unix seconds by 300.
func Bucket(at time.Time) uint64 {
	return uint64(max(0, at.Unix()) / int64(Period/time.Second))
}

// Check reports whether proof is worth at least need bits for the subject and the
// purpose now. A need of zero or less is met by anything.
//
// A proof is BUCKET-NONCE, both decimal. It is worth as many bits as
// SHA-256("conting work v1\n" PURPOSE "\n" SUBJECT "\n" BUCKET-NONCE) has zeros in
// front.
func Check(purpose, subject string, need int, proof string, now time.Time) bool {
	if need <= 0 {
		return true
	}
	bucket, ok := parse(proof)
	if current := Bucket(now); !ok || bucket != current && bucket+1 != current {
		return false
	}
	return zeros(prefix(purpose, subject), proof) >= need
}

// parse reads the bucket of a proof whose both parts are decimal numbers.
func parse(proof string) (bucket uint64, ok bool) {
	b, n, found := strings.Cut(proof, "-")
	if !found || len(proof) > maxProof {
		return 0, false
	}
	bucket, err := strconv.ParseUint(b, 10, 64)
	if err != nil {
		return 0, false
	}
	_, err = strconv.ParseUint(n, 10, 64)
	return bucket, err == nil
}

func prefix(purpose, subject string) []byte {
	return []byte("conting work v1\n" + purpose + "\n" + subject + "\n")
}

func zeros(prefix []byte, proof string) int {
	sum := sha256.Sum256(append(prefix[:len(prefix):len(prefix)], proof...))
	return bits.LeadingZeros64(binary.BigEndian.Uint64(sum[:]))
}

// Solve finds a proof for now. It takes 2^need hashes on average, and returns ctx's
// error if that ends first.
func Solve(ctx context.Context, purpose, subject string, need int, now time.Time) (string, error) {
	p, bucket := prefix(purpose, subject), strconv.FormatUint(Bucket(now), 10)+"-"
	for nonce := uint64(0); ; nonce++ {
		proof := bucket + strconv.FormatUint(nonce, 10)
		if zeros(p, proof) >= min(need, MaxBits) {
			return proof, nil
		}
		if nonce%4096 == 0 && ctx.Err() != nil {
			return "", ctx.Err()
		}
	}
}
