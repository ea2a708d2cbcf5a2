package chain

import (
	"context"
	"crypto"
	"errors"
)

// Signer holds one Ed25519 key and signs with it.
//
// A file's key ([ReadSigner]) is in this process's memory. To keep it elsewhere, in an
// HSM (PKCS #11, CKM_EDDSA), a cloud's key service or a small service of one's own, implement these
// two methods: Public must answer at once and never change; Sign gets the whole message
// (Ed25519 is not pre-hashed), must return a plain RFC 8032 signature, and honours the
// context, whose deadline is seconds. It is called once for each signing, from several
// goroutines, and its answer is verified before it is used. A service that signs should
// look at what it signs: that all instructions are of the System, Token-2022,
// Associated Token Account, Compute Budget and Memo programs, that the fee payer is ours, and how
// many it signs an hour. The mint authority decides over every held ticket and is asked for
// each of them; the fee payer decides over its own balance only, so keep that small.
type Signer interface {
	Public() Key
	Sign(ctx context.Context, message []byte) (Signature, error)
}

// NewSigner makes a Signer of an Ed25519 key.
func NewSigner(key crypto.Signer) (Signer, error) { return nil, errors.ErrUnsupported }

// ReadSigner reads a key file in the form of solana-keygen: a JSON array of 64 numbers,
// the seed and the public key. Others than its owner must not be able to read it. Errors
// wrap [ErrKeyFile] or those of sync/private.
func ReadSigner(name string) (Signer, error) { return nil, errors.ErrUnsupported }

// CreateSigner makes a key and writes its file, which must not exist yet.
func CreateSigner(name string) (Signer, error) { return nil, errors.ErrUnsupported }

// ErrKeyFile is a file that is no Solana key.
var ErrKeyFile = errors.New("not a Solana key file (a JSON array of 64 numbers)")
