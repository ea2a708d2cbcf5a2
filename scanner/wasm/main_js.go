//go:build js

package main

import (
	"fmt"
	"math"
	"syscall/js"
	"time"

	"github.com/con-ting/conting/gate/qr"
)

// start is the function in the page that takes the interface.
const start = "contingReaderStart"

func main() {
	r := newReaders(time.Now) //nolint:forbidigo // a main
	js.Global().Call(start, map[string]any{
		"open":  function(r.openJS),
		"read":  function(r.readJS),
		"close": function(r.closeJS),
	})
	select {} // the functions are called from now on
}

// function makes f callable from the page. What f cannot do becomes a value: a panic would end the
// module, and an exception would leave it in the middle of something.
func function(f func(args []js.Value) (map[string]any, error)) js.Func {
	return js.FuncOf(func(_ js.Value, args []js.Value) (result any) {
		defer func() {
			if p := recover(); p != nil {
				result = failure(fmt.Errorf("%w: %v", qr.ErrReader, p))
			}
		}()
		answer, err := f(args)
		if err != nil {
			return failure(err)
		}
		return answer
	})
}

func failure(err error) map[string]any {
	return map[string]any{"error": codeOf(err), "message": err.Error()}
}

func (r *readers) openJS(args []js.Value) (map[string]any, error) {
	if len(args) != 2 || args[0].Type() != js.TypeNumber || args[1].Type() != js.TypeBoolean {
		return nil, fmt.Errorf("%w: open wants a number and a boolean", errSettings)
	}
	handle, err := r.add(settings{budgetMS: args[0].Float(), still: args[1].Bool()})
	if err != nil {
		return nil, err
	}
	return map[string]any{"handle": handle}, nil
}

func (r *readers) closeJS(args []js.Value) (map[string]any, error) {
	if len(args) == 1 {
		r.drop(whole(args[0]))
	}
	return map[string]any{}, nil
}

func (r *readers) readJS(args []js.Value) (map[string]any, error) {
	if len(args) != 4 {
		return nil, fmt.Errorf("%w: read wants a handle, pixels, width and height", qr.ErrFrame)
	}
	found, err := r.get(whole(args[0]))
	if err != nil {
		return nil, err
	}
	p, err := arrayOf(args[1])
	if err != nil {
		return nil, err
	}
	codes, err := found.read(p, whole(args[2]), whole(args[3]))
	if err != nil {
		return nil, err
	}
	out := make([]any, len(codes))
	for i := range codes {
		out[i] = export(&codes[i])
	}
	return map[string]any{"codes": out}, nil
}

// whole is v as a small whole number, -1 if it is none.
func whole(v js.Value) int {
	if v.Type() != js.TypeNumber {
		return -1
	}
	f := v.Float()
	if !(f >= 0 && f <= math.MaxInt32) || f != math.Trunc(f) { // NaN neither
		return -1
	}
	return int(f)
}

func export(c *qr.Code) map[string]any {
	bytes := js.Global().Get("Uint8Array").New(len(c.Text))
	js.CopyBytesToJS(bytes, []byte(c.Text))
	corners := make([]any, 0, 8)
	for _, p := range c.Corners {
		corners = append(corners, p.X, p.Y)
	}
	return map[string]any{"bytes": bytes, "corners": corners, "version": c.Version}
}

// array is a typed array of bytes.
type array struct {
	v js.Value
	n int
}

// arrayOf takes a Uint8Array or a Uint8ClampedArray.
func arrayOf(v js.Value) (array, error) {
	if v.Type() == js.TypeObject {
		for _, kind := range []string{"Uint8ClampedArray", "Uint8Array"} {
			if v.InstanceOf(js.Global().Get(kind)) {
				return array{v: v, n: v.Length()}, nil
			}
		}
	}
	return array{}, fmt.Errorf("%w: pixels must be a Uint8Array or a Uint8ClampedArray", qr.ErrFrame)
}

func (a array) size() int { return a.n }

func (a array) copyTo(dst []byte, offset int) int {
	if offset > 0 || len(dst) < a.n {
		var err error
		if a, err = arrayOf(a.v.Call("subarray", offset, offset+len(dst))); err != nil {
			return 0
		}
	}
	return js.CopyBytesToGo(dst, a.v)
}
