package token_test

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/gagliardetto/solana-go"

	"github.com/con-ting/conting/central/mint/token"
)

// key is somebody's, the same at each run.
func key(name string) token.Key { return sha256.Sum256([]byte(name)) }

// option writes a key behind a tag; the zero key is none.
func option(b []byte, k token.Key) []byte {
	tag := uint32(1)
	if k == (token.Key{}) {
		tag = 0
	}
	return append(binary.LittleEndian.AppendUint32(b, tag), k[:]...)
}

func extend(b []byte, kind uint16, value ...byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, kind)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	return append(b, value...)
}

// encodeMint writes what matters of a mint as Token-2022 does.
func encodeMint(at token.Key, m token.MintState) []byte {
	b := option(nil, m.Authority)
	b = binary.LittleEndian.AppendUint64(b, m.Supply)
	b = option(append(b, m.Decimals, 1), m.FreezeAuthority)
	b = append(b, make([]byte, 165-len(b))...)
	b = append(b, 1)
	none := token.Key{}
	if m.CloseAuthority != none {
		b = extend(b, 3, m.CloseAuthority[:]...)
	}
	b = extend(b, 12, m.Delegate[:]...)
	state := byte(1)
	if m.BornFrozen {
		state = 2
	}
	b = extend(b, 6, state)
	b = extend(b, 18, append(make([]byte, 32), m.Metadata[:]...)...)
	if m.GroupAt != none {
		b = extend(b, 20, append(make([]byte, 32), m.GroupAt[:]...)...)
	}
	if g := m.Group; g != nil {
		v := append(append([]byte{}, g.Authority[:]...), at[:]...)
		v = binary.LittleEndian.AppendUint64(v, g.Size)
		b = extend(b, 21, binary.LittleEndian.AppendUint64(v, g.Max)...)
	}
	if m.Strange {
		b = extend(b, 14, make([]byte, 64)...) // a transfer hook
	}
	if d := m.Described; d != nil {
		v := append(append([]byte{}, d.Authority[:]...), at[:]...)
		text := func(s string) {
			v = append(binary.LittleEndian.AppendUint32(v, uint32(len(s))), s...)
		}
		text(d.Name)
		text(d.Symbol)
		text(d.URI)
		v = binary.LittleEndian.AppendUint32(v, uint32(len(d.Extra)))
		for _, p := range d.Extra {
			text(p.Key)
			text(p.Value)
		}
		b = extend(b, 19, v...)
	}
	return b
}

// encodeHolding writes what matters of an associated account.
func encodeHolding(h token.HoldingState) []byte {
	b := append(append([]byte{}, h.Mint[:]...), h.Owner[:]...)
	b = option(binary.LittleEndian.AppendUint64(b, h.Amount), h.Delegate)
	state := byte(1)
	if h.Frozen {
		state = 2
	}
	b = append(b, state)
	b = append(b, make([]byte, 4+8+8)...)
	b = append(option(b, h.Closer), 2)
	b = extend(b, 7)
	if h.MemoNeeded {
		b = extend(b, 8, 1)
	}
	return b
}

// owned is an account of Token-2022's.
func owned(at token.Key, data []byte) token.Account {
	return token.Account{Key: at, Owner: solana.Token2022ProgramID, Lamports: 2_000_000, Data: data}
}
