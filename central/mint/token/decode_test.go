package token_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"testing"

	bin "github.com/gagliardetto/binary"
	t22 "github.com/gagliardetto/solana-go/programs/token-2022"

	"github.com/con-ting/conting/central/mint/token"
)

func fullMint() token.MintState {
	m := heldMint()
	m.CloseAuthority, m.GroupAt = bob, mint
	m.Group = &token.GroupState{Authority: authority, Size: 3, Max: 7}
	m.Described = &token.Described{
		Authority: authority, Name: "겨울 음악회", Symbol: "TICKET", URI: link,
		Extra: []token.Pair{{Key: "seat", Value: "A-12-07"}, {Key: "class", Value: ""}},
	}
	return m
}

// TestReadMint reads what was written, and nothing that is a byte off.
func TestReadMint(t *testing.T) {
	want := fullMint()
	data := encodeMint(mint, want)
	got, err := token.ReadMint(data)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	if got, err := token.ReadMint(append(bytes.Clone(data), 0, 0, 0, 0, 0)); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("with zeros after it: got %+v, %v", got, err)
	}
	if got, err := token.ReadMint(data[:82]); err != nil || got.Supply != 1 || got.Delegate != (token.Key{}) {
		t.Errorf("without extensions: got %+v, %v", got, err)
	}
	change := func(at int, to byte) []byte {
		b := bytes.Clone(data)
		b[at] = to
		return b
	}
	for what, bad := range map[string][]byte{
		"nothing":                 nil,
		"one byte less":           data[:81],
		"base and a half":         data[:100],
		"no kind":                 data[:165],
		"a token account":         change(165, 2),
		"no kind there":           change(165, 0),
		"an option of two":        change(0, 2),
		"not initialised":         change(45, 0),
		"initialised twice":       change(45, 2),
		"padded with something":   change(120, 1),
		"cut off":                 data[:len(data)-1],
		"only half a header":      data[:168],
		"a state that is none":    bytes.Replace(data, []byte{6, 0, 1, 0, 2}, []byte{6, 0, 1, 0, 3}, 1),
		"a delegate that is long": bytes.Replace(data, []byte{12, 0, 32, 0}, []byte{12, 0, 33, 0}, 1),
		"an extension twice":      extend(bytes.Clone(data), 12, authority[:]...),
		"something after zeros":   append(bytes.Clone(data), 0, 0, 0, 0, 1),
		"too long":                append(bytes.Clone(data), make([]byte, token.MaxData)...),
		"text that is no UTF-8":   bytes.Replace(data, []byte("TICKET"), []byte("TICK\xffT"), 1),
		"pairs that are not there": bytes.Replace(data, []byte{2, 0, 0, 0, 4, 0, 0, 0, 's'},
			[]byte{255, 255, 255, 255, 4, 0, 0, 0, 's'}, 1),
	} {
		if got, err := token.ReadMint(bad); !errors.Is(err, token.ErrUnreadable) {
			t.Errorf("%s: got %+v, %v", what, got, err)
		}
	}
	many := data[:166:166]
	for kind := range uint16(40) {
		many = extend(many, 100+kind)
	}
	if _, err := token.ReadMint(many); !errors.Is(err, token.ErrUnreadable) {
		t.Errorf("forty extensions: %v", err)
	}
}

// TestReadHolding does the same for token accounts.
func TestReadHolding(t *testing.T) {
	want := token.HoldingState{Mint: mint, Owner: alice, Amount: 1, Frozen: true, Delegate: bob, Closer: key("closer"), MemoNeeded: true}
	data := encodeHolding(want)
	got, err := token.ReadHolding(data)
	if err != nil || got != want {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	plain := want
	plain.MemoNeeded = false
	if got, err := token.ReadHolding(data[:165]); err != nil || got != plain {
		t.Errorf("without extensions: got %+v, %v", got, err)
	}
	change := func(at int, to byte) []byte {
		b := bytes.Clone(data)
		b[at] = to
		return b
	}
	for what, bad := range map[string][]byte{
		"nothing":                  nil,
		"one byte less":            data[:164],
		"a mint":                   change(165, 1),
		"not initialised":          change(108, 0),
		"a state that is none":     change(108, 3),
		"a delegate of two":        change(72, 2),
		"wrapped twice":            change(109, 2),
		"a closer of two":          change(129, 2),
		"a memo of two":            change(len(data)-1, 2),
		"as long as a signature's": append(bytes.Clone(data), make([]byte, 355-len(data))...),
		"too long":                 append(bytes.Clone(data), make([]byte, token.MaxData)...),
	} {
		if got, err := token.ReadHolding(bad); !errors.Is(err, token.ErrUnreadable) {
			t.Errorf("%s: got %+v, %v", what, got, err)
		}
	}
}

// TestReadAsSolanaGo compares what is read from real accounts with what solana-go reads.
func TestReadAsSolanaGo(t *testing.T) {
	w := newWorld(t)
	alice := w.person()
	at := w.minted(alice, token.Held)
	data := w.account(at).Data
	got, err := token.ReadMint(data)
	if err != nil {
		t.Fatal(err)
	}
	var m t22.Mint
	if err := m.UnmarshalWithDecoder(bin.NewBinDecoder(data[:82])); err != nil {
		t.Fatal(err)
	}
	if m.Supply != got.Supply || m.Decimals != got.Decimals || m.MintAuthority != nil || *m.FreezeAuthority != got.FreezeAuthority {
		t.Errorf("mint: got %+v, solana-go %+v", got, m)
	}
	for rest := data[166:]; len(rest) >= 4; {
		kind, n := t22.ExtensionType(binary.LittleEndian.Uint16(rest)), int(binary.LittleEndian.Uint16(rest[2:]))
		if kind == t22.ExtensionTokenMetadata {
			var md t22.TokenMetadataState
			if err := md.UnmarshalWithDecoder(bin.NewBinDecoder(rest[4 : 4+n])); err != nil {
				t.Fatal(err)
			}
			if md.Name != got.Described.Name || md.Symbol != got.Described.Symbol || md.Uri != got.Described.URI || len(md.AdditionalMetadata) != len(got.Described.Extra) {
				t.Errorf("text: got %+v, solana-go %+v", got.Described, md)
			}
		}
		rest = rest[4+n:]
	}
	data = w.account(w.holder(alice.PublicKey(), at)).Data
	holding, err := token.ReadHolding(data)
	if err != nil {
		t.Fatal(err)
	}
	var a t22.Account
	if err := a.UnmarshalWithDecoder(bin.NewBinDecoder(data[:165])); err != nil {
		t.Fatal(err)
	}
	if a.Mint != holding.Mint || a.Owner != holding.Owner || a.Amount != holding.Amount || (a.State == t22.AccountStateFrozen) != holding.Frozen {
		t.Errorf("account: got %+v, solana-go %+v", holding, a)
	}
}
