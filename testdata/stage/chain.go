package stage

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"slices"
	"time"
)

// Chain is a Solana cluster as anybody may ask it, who need not believe central.
type Chain struct {
	URL string // of a node's JSON-RPC
}

// Token is what a cluster says of a token of Token-2022 that there is one of, or none.
type Token struct {
	Supply uint64
	Owner  string // whose wallet it is in; empty if there is none
	Frozen bool   // its owner cannot move it
}

// Token asks for the token whose mint has an address. That there is none is an error.
func (c Chain) Token(ctx context.Context, mint string) (t Token, err error) {
	data, err := c.account(ctx, mint)
	if err != nil {
		return t, err
	}
	if len(data) < 82 {
		return t, fmt.Errorf("account %s has %d bytes and is no mint", mint, len(data))
	}
	t.Supply = binary.LittleEndian.Uint64(data[36:])
	var largest struct {
		Value []struct{ Address, Amount string }
	}
	if err := c.Call(ctx, &largest, "getTokenLargestAccounts", mint, finalized); err != nil {
		return t, err
	}
	for _, holding := range largest.Value {
		if holding.Amount == "0" {
			continue
		}
		data, err := c.account(ctx, holding.Address)
		if err != nil {
			return t, err
		}
		if len(data) < 165 || t.Owner != "" {
			return t, fmt.Errorf("mint %s: account %s of %d bytes holds it, and %q too", mint, holding.Address, len(data), t.Owner)
		}
		t.Owner, t.Frozen = Address(data[32:64]), data[108] == 2
	}
	return t, nil
}

// finalized is the commitment that is asked for: what cannot be undone.
var finalized = map[string]string{"commitment": "finalized"}

func (c Chain) account(ctx context.Context, address string) ([]byte, error) {
	var v struct {
		Value *struct{ Data []string }
	}
	if err := c.Call(ctx, &v, "getAccountInfo", address, map[string]string{"commitment": "finalized", "encoding": "base64"}); err != nil {
		return nil, err
	}
	if v.Value == nil || len(v.Value.Data) == 0 {
		return nil, fmt.Errorf("the chain has no account %s", address)
	}
	return base64.StdEncoding.DecodeString(v.Value.Data[0])
}

// Transaction is what a cluster says of one that is final.
type Transaction struct {
	Slot  uint64
	Fee   int64 // lamports
	Units uint64
}

// Transaction asks for the transaction of a signature. That there is none, or that it
// failed, is an error.
func (c Chain) Transaction(ctx context.Context, signature string) (Transaction, error) {
	var v *struct {
		Slot uint64
		Meta struct {
			Err                  json.RawMessage
			Fee                  int64
			ComputeUnitsConsumed uint64
		}
	}
	if err := c.Call(ctx, &v, "getTransaction", signature, map[string]any{"commitment": "finalized", "maxSupportedTransactionVersion": 0}); err != nil {
		return Transaction{}, err
	}
	if v == nil || len(v.Meta.Err) > 0 && string(v.Meta.Err) != "null" {
		return Transaction{}, fmt.Errorf("transaction %s: %+v", signature, v)
	}
	return Transaction{Slot: v.Slot, Fee: v.Meta.Fee, Units: v.Meta.ComputeUnitsConsumed}, nil
}

// Balance is how many lamports are at an address.
func (c Chain) Balance(ctx context.Context, address string) (uint64, error) {
	var v struct{ Value uint64 }
	err := c.Call(ctx, &v, "getBalance", address, finalized)
	return v.Value, err
}

// Call asks a node.
func (c Chain) Call(ctx context.Context, out any, method string, params ...any) error {
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	var answer struct {
		Result json.RawMessage `json:"result"`
		Error  json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || answer.Error != nil {
		return fmt.Errorf("%s: %s: %s", method, resp.Status, bytes.TrimSpace(text))
	}
	return json.Unmarshal(answer.Result, out)
}

// Address writes a public key, or any 32 bytes, as Solana does: in base58.
func Address(b []byte) string {
	const digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	var text []byte
	n, base, digit := new(big.Int).SetBytes(b), big.NewInt(int64(len(digits))), new(big.Int)
	for n.Sign() > 0 {
		n.DivMod(n, base, digit)
		text = append(text, digits[digit.Int64()])
	}
	for _, zero := range b {
		if zero != 0 {
			break
		}
		text = append(text, digits[0])
	}
	slices.Reverse(text)
	return string(text)
}
