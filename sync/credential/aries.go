package credential

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hyperledger/aries-framework-go/component/models/signature/verifier"
	"github.com/hyperledger/aries-framework-go/component/models/verifiable"
	"github.com/piprate/json-gold/ld"

	"github.com/con-ting/conting/sync/trust"
)

// keys are the public keys that a signature may be checked with, by key id. They
// were resolved before aries is called: it finds no key by itself.
type keys map[string]trust.PublicKey

// fetch is the [verifiable.PublicKeyFetcher] of k.
func (k keys) fetch(did, fragment string) (*verifier.PublicKey, error) {
	key, ok := k[did+"#"+fragment]
	if !ok {
		return nil, errors.New("key was not resolved before")
	}
	if key.Algorithm() == trust.EdDSA {
		return &verifier.PublicKey{Type: "Ed25519VerificationKey2018", Value: key.Bytes()}, nil
	}
	return &verifier.PublicKey{Type: "JsonWebKey2020", Value: uncompress(key)}, nil
}

// nothing is a document loader that loads nothing, neither from a network nor from
// memory: no JSON-LD is processed here.
type nothing struct{}

func (nothing) LoadDocument(string) (*ld.RemoteDocument, error) {
	return nil, errors.New("no documents are loaded")
}

// verifyCredential has aries check the signature of a credential that has passed
// the fence, and that both of us have read the same one. Errors wrap
// [ErrBadSignature] or [ErrMalformed].
func verifyCredential(j *jws, k keys, id string, issuer DID, vcType string) (err error) {
	defer guard(&err)
	got, err := verifiable.ParseCredential([]byte(j.text),
		verifiable.WithPublicKeyFetcher(k.fetch),
		verifiable.WithJSONLDDocumentLoader(nothing{}),
		verifiable.WithNoCustomSchemaCheck(),
	)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBadSignature, err)
	}
	if got.ID != id || got.Issuer.ID != string(issuer) || !slices.Contains(got.Types, vcType) {
		return fmt.Errorf("two readings of one credential: %w", ErrMalformed)
	}
	return nil
}

// verifyPresentation is verifyCredential for a presentation.
func verifyPresentation(j *jws, k keys, holder DID, shown int) (err error) {
	defer guard(&err)
	got, err := verifiable.ParsePresentation([]byte(j.text),
		verifiable.WithPresPublicKeyFetcher(k.fetch),
		verifiable.WithPresJSONLDDocumentLoader(nothing{}),
		verifiable.WithDisabledJSONLDChecks(),
	)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBadSignature, err)
	}
	if got.Holder != string(holder) || len(got.Credentials()) != shown {
		return fmt.Errorf("two readings of one presentation: %w", ErrMalformed)
	}
	return nil
}

// guard turns a panic into an error. The fence keeps away all input that is known
// to cause one.
func guard(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("reading it failed: %w: %v", ErrMalformed, r)
	}
}
