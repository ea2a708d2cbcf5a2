package chain

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/con-ting/conting/sync/private"
)

// Signer holds one Ed25519 key and signs with it.
//
// A file's key ([ReadSigner]) is in this process's memory. To keep it elsewhere, in an
// HSM (PKCS #11, CKM_EDDSA), a cloud's key service (AWS KMS ECC_NIST_EDWARDS25519, Google
// Cloud KMS EC_SIGN_ED25519) or a small service of one's own, implement these two
// methods and hand them to the worker instead of the file's.
//
// Public must answer at once and never change. Sign gets the whole message, at most
// 1,232 bytes: Ed25519 is not pre-hashed, so a service must be told RAW, not DIGEST. It
// returns a plain RFC 8032 signature, honours the context, and is called by several
// goroutines, once for each signing; its answer is verified before it is used. An error
// delays what was to be signed, nothing else.
//
// A service that signs should look at what it signs: that every instruction is of the
// System, Token-2022, Associated Token Account, Compute Budget or Memo program, that the
// fee payer is ours, that no lamports leave it but into accounts that are made, and how
// many it signs an hour. The mint authority decides over every ticket that is held, and is
// in each transaction; the fee payer decides over its own balance only, so keep that small.
type Signer interface {
	Public() Key
	Sign(ctx context.Context, message []byte) (Signature, error)
}

// NewSigner makes a Signer of an Ed25519 key.
func NewSigner(key crypto.Signer) (Signer, error) {
	if key == nil {
		return nil, errors.New("no key")
	}
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok || len(public) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("a key of type %T, not Ed25519", key.Public())
	}
	return &keySigner{key: key, public: Key(public)}, nil
}

type keySigner struct {
	key    crypto.Signer
	public Key
}

func (s *keySigner) Public() Key { return s.public }

func (s *keySigner) Sign(ctx context.Context, message []byte) (Signature, error) {
	if err := ctx.Err(); err != nil {
		return Signature{}, err
	}
	sig, err := s.key.Sign(rand.Reader, message, crypto.Hash(0))
	if err != nil {
		return Signature{}, err
	}
	if len(sig) != ed25519.SignatureSize {
		return Signature{}, fmt.Errorf("a signature of %d bytes", len(sig))
	}
	return Signature(sig), nil
}

// ReadSigner reads a key file in the form of solana-keygen: a JSON array of 64 numbers,
// the seed and the public key. Others than its owner must not be able to read it. Errors
// wrap [ErrKeyFile] or those of sync/private.
func ReadSigner(name string) (Signer, error) {
	data, err := private.Read(name)
	if err != nil {
		return nil, err
	}
	defer clear(data)
	key, err := openKey(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return NewSigner(key)
}

// CreateSigner makes a key and writes its file, which must not exist yet.
func CreateSigner(name string) (Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	data, err := sealKey(key)
	if err != nil {
		return nil, err
	}
	defer clear(data)
	if err := private.Create(name, data); err != nil {
		return nil, err
	}
	return NewSigner(key)
}

// maxKeyFile is the longest key file, in bytes, with room for white space.
const maxKeyFile = 1024

func openKey(data []byte) (ed25519.PrivateKey, error) {
	// numbers that are no bytes do not fit, and null is no number
	var numbers []*uint8
	if len(data) > maxKeyFile || json.Unmarshal(data, &numbers) != nil || len(numbers) != ed25519.PrivateKeySize {
		return nil, ErrKeyFile
	}
	given := make(ed25519.PrivateKey, ed25519.PrivateKeySize)
	for i, n := range numbers {
		if n == nil {
			return nil, ErrKeyFile
		}
		given[i] = *n
		*n = 0
	}
	defer clear(given)
	key := ed25519.NewKeyFromSeed(given.Seed())
	if !key.Equal(given) {
		return nil, fmt.Errorf("%w: its halves do not belong together", ErrKeyFile)
	}
	return key, nil
}

func sealKey(key ed25519.PrivateKey) ([]byte, error) {
	numbers := make([]int, len(key))
	for i, b := range key {
		numbers[i] = int(b)
	}
	defer clear(numbers)
	return json.Marshal(numbers)
}
