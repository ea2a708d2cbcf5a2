// Command wasm is the gate's code reader for the handheld's browser: gate/qr built for WebAssembly
// (GOOS=js GOARCH=wasm), and the TypeScript that drives it in a page or a worker (src).
//
// It takes frames as typed arrays and returns the bytes of the codes in them. It opens no camera,
// asks no network, keeps no picture longer than the next one, and judges nothing: what a code says
// is untrusted until a signature over it verifies, which is not done here. The page is trusted as
// far as the handheld is; pixels are not, nor are sizes: each is checked before anything is copied,
// and no frame makes the module stop.
//
// As it starts it calls the page's global function contingReaderStart once with its interface:
//
//	open(budgetMS, still) → {handle} | {error, message}
//	read(handle, pixels, width, height) → {codes: [{bytes, corners, version}]} | {error, message}
//	close(handle)
//
// pixels is a Uint8Array or Uint8ClampedArray of width·height gray bytes or four times as many of
// RGBA; corners are x and y of top left, top right, bottom right, bottom left, in pixels. error is
// one of bad_settings, too_many_readers, reader_closed, bad_frame and reader_failed.
//
// Two compilers build it from the same source, and each comes with a wasm_exec.js of its own: Go's
// (make wasm) anywhere, TinyGo's (make wasm-tiny) where the firmware's toolchain is. TinyGo's is
// half the bytes and quicker, but cannot recover from a panic: it stops, and Reader in src/reader.ts
// starts another for the next picture, as it would if Go's were to stop.
package main
