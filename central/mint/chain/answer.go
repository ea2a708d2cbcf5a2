package chain

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/gagliardetto/solana-go"
)

// Codes of JSON-RPC 2.0, and of rpc-client-api/src/custom_error.rs of Agave.
const (
	codeBusy            = 429
	codeBusyToo         = -32429
	codePreflight       = -32002
	codeBadSignature    = -32003
	codeUnhealthy       = -32005
	codeSignatureLength = -32013
	codeVersion         = -32015
	codeMinSlot         = -32016
	codeNoRequest       = -32600
	codeNoMethod        = -32601
	codeNoParams        = -32602
)

// fault is a node's error.
type fault struct {
	Code    int64           `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data"`
}

// Error implements error. The message is left out: it is outside text, see node.clean.
func (f *fault) Error() string { return "code " + strconv.FormatInt(f.Code, 10) }

// kind says what a fault that is about no transaction means.
func (f *fault) kind() error {
	switch f.Code {
	case codeMinSlot, codeUnhealthy:
		return ErrBehind
	case codeBadSignature, codeSignatureLength, codeVersion, codeNoRequest, codeNoParams:
		return ErrRejected
	case codeNoMethod, codePreflight: // the second: refused without a reason
		return errElsewhere
	}
	return ErrUnavailable
}

// open reads an answer. Its error is [ErrBusy], errGarbage, what explain makes of a
// fault, or the [*fault].
func open(data []byte, id uint64, explain func(*fault) error) (json.RawMessage, error) {
	var a struct {
		ID     json.RawMessage `json:"id"`
		Result json.RawMessage `json:"result"`
		Error  *fault          `json:"error"`
	}
	if !fits(data, &a) {
		return nil, fmt.Errorf("%w: no JSON-RPC", errGarbage)
	}
	if a.Error != nil {
		// its id may be null: the node could not read ours, or would not
		switch a.Error.Code {
		case codeBusy, codeBusyToo:
			return nil, ErrBusy
		case codePreflight:
			if explain != nil {
				if err := explain(a.Error); err != nil {
					return nil, err
				}
			}
		}
		return nil, a.Error
	}
	if string(a.ID) != strconv.FormatUint(id, 10) {
		return nil, fmt.Errorf("%w: it answers another request", errGarbage)
	}
	if len(a.Result) == 0 {
		return nil, fmt.Errorf("%w: neither result nor error", errGarbage)
	}
	return a.Result, nil
}

// read decodes a result, or a part of one.
func read(result json.RawMessage, into any) error {
	if !fits(result, into) {
		return fmt.Errorf("%w: a result of another shape", errGarbage)
	}
	return nil
}

// fits decodes JSON, and reports whether it is of that shape.
func fits(data []byte, into any) bool { return json.Unmarshal(data, into) == nil }

// contextual is a result with the slot that it is of.
type contextual struct {
	Context *struct {
		Slot uint64 `json:"slot"`
	} `json:"context"`
	Value json.RawMessage `json:"value"`
}

// readAt decodes a result with a slot.
func readAt(result json.RawMessage, into any) (uint64, error) {
	var c contextual
	if err := read(result, &c); err != nil {
		return 0, err
	}
	if c.Context == nil || len(c.Value) == 0 {
		return 0, fmt.Errorf("%w: a result without a slot or a value", errGarbage)
	}
	return c.Context.Slot, read(c.Value, into)
}

func hashOf(result json.RawMessage) (Hash, error) {
	var text string
	if err := read(result, &text); err != nil {
		return Hash{}, err
	}
	h, err := solana.HashFromBase58(text)
	if err != nil || h.IsZero() {
		return Hash{}, fmt.Errorf("%w: no hash", errGarbage)
	}
	return h, nil
}
