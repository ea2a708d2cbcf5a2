package trust_test

import (
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"github.com/con-ting/conting/sync/trust"
)

// loose is a COSE_Sign1, or a COSE_Sign of one signer, read as RFC 9052 allows and
// our profile does not: headers anywhere, tag or none.
type loose struct {
	algorithm  trust.Algorithm
	protected  []byte
	toBeSigned []byte
	signature  []byte
}

type looseSign1 struct {
	_           struct{} `cbor:",toarray"`
	Protected   []byte
	Unprotected map[any]any
	Payload     []byte
	Signature   []byte
}

type looseSign struct {
	_           struct{} `cbor:",toarray"`
	Protected   []byte
	Unprotected map[any]any
	Payload     []byte
	Signatures  []looseSigner
}

type looseSigner struct {
	_           struct{} `cbor:",toarray"`
	Protected   []byte
	Unprotected map[any]any
	Signature   []byte
}

// algorithmOf looks in the protected header, then in the other.
func algorithmOf(protected []byte, unprotected map[any]any) (trust.Algorithm, error) {
	header := map[any]any{}
	if len(protected) > 0 {
		if err := cbor.Unmarshal(protected, &header); err != nil {
			return 0, err
		}
	}
	for _, h := range []map[any]any{header, unprotected} {
		if alg, ok := h[uint64(1)]; ok {
			n, ok := alg.(int64)
			if !ok {
				return 0, fmt.Errorf("algorithm %v", alg)
			}
			return trust.Algorithm(n), nil
		}
	}
	return 0, errors.New("no algorithm")
}

func looseParse(data, external []byte) (loose, error) {
	if external == nil {
		external = []byte{}
	}
	var tag cbor.RawTag
	content := cbor.RawMessage(data)
	if cbor.Unmarshal(data, &tag) == nil {
		content = tag.Content
	} else {
		tag.Number = 18
	}
	switch tag.Number {
	case 18:
		var m looseSign1
		if err := cbor.Unmarshal(content, &m); err != nil {
			return loose{}, err
		}
		alg, err := algorithmOf(m.Protected, m.Unprotected)
		if err != nil {
			return loose{}, err
		}
		signed := m.Protected
		if string(signed) == "\xa0" {
			signed = []byte{} // an empty header is signed as no bytes (RFC 9052, section 4.4)
		}
		tbs, err := cbor.Marshal([]any{"Signature1", signed, external, m.Payload})
		return loose{algorithm: alg, protected: m.Protected, toBeSigned: tbs, signature: m.Signature}, err
	case 98:
		var m looseSign
		if err := cbor.Unmarshal(content, &m); err != nil {
			return loose{}, err
		}
		if len(m.Signatures) != 1 {
			return loose{}, fmt.Errorf("%d signatures", len(m.Signatures))
		}
		s := m.Signatures[0]
		alg, err := algorithmOf(s.Protected, s.Unprotected)
		if err != nil {
			return loose{}, err
		}
		tbs, err := cbor.Marshal([]any{"Signature", m.Protected, s.Protected, external, m.Payload})
		return loose{algorithm: alg, protected: s.Protected, toBeSigned: tbs, signature: s.Signature}, err
	}
	return loose{}, fmt.Errorf("tag %d", tag.Number)
}
