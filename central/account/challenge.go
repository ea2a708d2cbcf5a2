package account

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"
)

// Purpose is what a challenge may be used for, and nothing else.
type Purpose string

// The purposes. The first three are for people who are not signed in; a challenge
// with one of the others belongs to the account that asked for it.
const (
	Registration   Purpose = "register"
	SignIn         Purpose = "sign_in"
	Recovery       Purpose = "recover"
	RecoveryCode   Purpose = "recovery_code"   // a new one, for somebody who is signed in
	DID            Purpose = "did"             // to bind a decentralised identifier
	Transfer       Purpose = "transfer"        // to give a ticket away
	TransferAccept Purpose = "transfer_accept" // to take it
	Ask            Purpose = "ask"             // to ask a relative to book
	AddPasskey     Purpose = "add_passkey"     // to an account that has none
	NewPassword    Purpose = "new_password"    // to set one
	DeleteAccount  Purpose = "delete_account"
)

// Personal reports whether only somebody who is signed in may ask for such a
// challenge.
func (p Purpose) Personal() bool {
	return p.known() && p != Registration && p != SignIn && p != Recovery
}

func (p Purpose) known() bool {
	switch p {
	case Registration, SignIn, Recovery, RecoveryCode, DID, Transfer, TransferAccept, Ask, AddPasskey, NewPassword, DeleteAccount:
		return true
	}
	return false
}

// ChallengeLifetime is how long a person has to answer.
const ChallengeLifetime = 5 * time.Minute

// A challenge is 16 random bytes, when it ends (Unix seconds, 8 bytes), and 16
// bytes of HMAC-SHA256 over purpose, account and those: the server remembers only
// those it has used.
const (
	challengeRandom = 16
	challengeMAC    = 16
	challengeLen    = challengeRandom + 8 + challengeMAC
)

// Challenge is what an authenticator signs, as it stands or hashed together with
// the terms that its purpose names.
type Challenge struct {
	Value   []byte
	Expires time.Time

	// UserID is the user handle for a passkey that is made with the challenge, and
	// the id of the account that is registered with it or gets it; nil for other
	// purposes.
	UserID []byte
}

// NewChallenge makes a challenge. For a purpose that is personal account is the id
// of who asks; for the others it must be empty. The error wraps [ErrPurpose] or
// [ErrSignedOut].
func (a *Accounts) NewChallenge(p Purpose, account string) (Challenge, error) {
	switch {
	case !p.known():
		return Challenge{}, ErrPurpose
	case p.Personal() && account == "":
		return Challenge{}, ErrSignedOut
	case !p.Personal():
		account = ""
	}
	v, err := a.random(challengeRandom)
	if err != nil {
		return Challenge{}, err
	}
	expires := a.cfg.Now().Add(ChallengeLifetime).Truncate(time.Second)
	v = binary.BigEndian.AppendUint64(v, uint64(expires.Unix())) // #nosec G115 -- a time of this century
	c := Challenge{Value: append(v, a.mac(p, account, v)...), Expires: expires}
	if p == Registration || p == Recovery {
		c.UserID = a.userID(c.Value)
	}
	if p == AddPasskey {
		if c.UserID, err = hex.DecodeString(account); err != nil {
			return Challenge{}, fmt.Errorf("account id: %w", err)
		}
	}
	return c, nil
}

// checkChallenge returns what the store needs to use the challenge up, or
// [ErrChallenge].
func (a *Accounts) checkChallenge(p Purpose, account string, v []byte) (Used, error) {
	const body = challengeLen - challengeMAC
	if len(v) != challengeLen || !hmac.Equal(v[body:], a.mac(p, account, v[:body])) {
		return Used{}, ErrChallenge
	}
	expires := time.Unix(int64(binary.BigEndian.Uint64(v[challengeRandom:])), 0) // #nosec G115 -- we wrote it
	if !a.cfg.Now().Before(expires) {
		return Used{}, ErrChallenge
	}
	return Used{Challenge: v, Expires: expires}, nil
}

// mac is over words without a zero byte and then a fixed number of bytes, so no
// two inputs are the same.
func (a *Accounts) mac(p Purpose, account string, v []byte) []byte {
	m := hmac.New(sha256.New, a.cfg.ChallengeKey[:])
	m.Write([]byte("conting/account/challenge/v1\x00" + string(p) + "\x00" + account + "\x00"))
	m.Write(v)
	return m.Sum(nil)[:challengeMAC]
}

// userID follows from the challenge, so that nothing is kept for somebody who
// never comes back.
func (a *Accounts) userID(challenge []byte) []byte {
	m := hmac.New(sha256.New, a.cfg.ChallengeKey[:])
	m.Write([]byte("conting/account/user/v1\x00"))
	m.Write(challenge)
	return m.Sum(nil)[:16]
}

func (a *Accounts) accountID(challenge []byte) string { return hex.EncodeToString(a.userID(challenge)) }
